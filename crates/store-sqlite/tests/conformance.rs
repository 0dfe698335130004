//! The conformance suite on this backend.

use std::sync::Arc;

use store::conformance::Bench;
use store_sqlite::{Options, SqliteBackend};

fn bench() -> Bench {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let data = folder.path().join("data");
    let scratch = folder.path().join("scratch");
    std::fs::create_dir(&scratch).expect("a folder can be made");
    let backend = SqliteBackend::open(&data, Options::default()).expect("nobody holds it");
    Bench { backend: Arc::new(backend), scratch, keep: Box::new(folder) }
}

store::conformance_tests!(bench());
