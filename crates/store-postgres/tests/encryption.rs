//! `sslmode`: how a connection is encrypted, and whom it believes. The server has a certificate for `localhost`
//! that no usual root has signed.

use store::{
    Backend, Error,
    conformance::{
        at,
        batch::{life, must, profile},
        identity,
    },
};
use store_postgres::{Options, PostgresBackend};
use testing::Database;

/// Opens the database over TCP, and says whether the environment's connections are encrypted.
async fn opened(database: &Database, settings: &str) -> Result<bool, Error> {
    let url = format!("{}?{settings}", database.url);
    let backend = PostgresBackend::open(&url, Options::default()).await?;
    let one = backend.create(identity("one"), at(0)).await?;
    if one.record_count().await? == 0 {
        must(&one, 0, life(profile(1), 0, 1)).await;
    }
    let sql = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = $1";
    let role = database.role("one").await.0;
    let encrypted = database.superuser().await.query_one(sql, &[&role]).await.expect("well").get(0);
    one.close().await?;
    Ok(encrypted)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sslmode_is_honoured() {
    let database = Database::make().await;
    let sql = "SELECT current_setting('ssl_cert_file')";
    let certificate: String = database.superuser().await.query_one(sql, &[]).await.expect("well").get(0);
    assert!(!opened(&database, "sslmode=disable").await.expect("it may"));
    assert!(opened(&database, "sslmode=prefer").await.expect("it can"));
    assert!(opened(&database, "sslmode=require").await.expect("whoever it is"));
    let stranger = opened(&database, "sslmode=verify-full").await.expect_err("no usual root has signed it");
    assert!(matches!(&stranger, Error::Recovering(why) if why.contains("sslrootcert")), "{stranger}");
    let known = format!("sslmode=verify-full&sslrootcert={}", certificate.replace('/', "%2F"));
    assert!(opened(&database, &known).await.expect("it is the one that we trust"));
    let nothing = opened(&database, "sslmode=verify-full&sslrootcert=%2Fdev%2Fnull").await;
    assert!(matches!(&nothing, Err(Error::Refused(said)) if said.contains("no certificates")), "{nothing:?}");
}
