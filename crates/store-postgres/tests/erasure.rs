//! What an erasure leaves in the server's files.

use std::time::Duration;

use store::{
    Stream,
    conformance::{
        at,
        batch::{commit, life, must, profile},
        erasure::{erasure, settle},
        identity,
    },
};
use testing::Database;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erased_persons_rows_are_swept_out_of_the_pages() {
    let database = Database::make().await;
    let one = database.backend().await.create(identity("one"), at(0)).await.expect("well");
    settle(&one, 1, "otto").await;
    // Others after him, so that their rows move into the room that his leave.
    for no in 2..40 {
        settle(&one, no, "anna").await;
    }
    let (superuser, schema) = (database.superuser().await, database.schema("one").await);
    let bytes_of = async |table: &str, marker: &str| -> bool {
        superuser.batch_execute("CHECKPOINT").await.expect("a superuser may");
        let sql = format!(
            "SELECT position($1::text::bytea IN pg_read_binary_file(pg_relation_filepath('\"{schema}\".{table}'))) > 0"
        );
        superuser.query_one(&sql, &[&marker]).await.expect("a superuser may").get(0)
    };
    for (table, marker) in [("journal", "otto body"), ("search", "otto@example.org"), ("outbox", "otto")] {
        assert!(bytes_of(table, marker).await, "{table} holds it before");
    }
    must(&one, 0, erasure(1)).await;
    for _ in 0..200 {
        let mut left = false;
        for (table, marker) in [("journal", "otto body"), ("search", "otto@example.org"), ("outbox", "otto")]
        {
            left |= bytes_of(table, marker).await;
        }
        if !left {
            // And the stream goes on, with the bodies of others untouched.
            let body = one.record(Stream::Profile(profile(2)), 1).await.expect("well").and_then(|r| r.body);
            assert_eq!(body.as_deref(), Some(b"anna body 1".as_slice()));
            commit(&one, 0, life(profile(1), 3, 4)).await.expect("well");
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it was never swept");
}
