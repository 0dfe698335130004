//! The conformance suite on this backend.

use store::conformance::Bench;

use testing::Database;

async fn bench() -> Bench {
    let database = Database::make().await;
    let scratch = tempfile::tempdir().expect("a folder can be made");
    let backend = database.backend().await;
    Bench { backend, scratch: scratch.path().to_owned(), keep: Box::new((scratch, database)) }
}

store::conformance_tests!(bench().await);
