//! The conformance suite on this backend: as it is set up, and with so few directory keys gathered that they are
//! carried over all the time.

use std::sync::Arc;

use store::conformance::Bench;
use store_sqlite::{Options, SqliteBackend};

fn bench(options: Options) -> Bench {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let data = folder.path().join("data");
    let scratch = folder.path().join("scratch");
    std::fs::create_dir(&scratch).expect("a folder can be made");
    let backend = SqliteBackend::open(&data, options).expect("nobody holds it");
    Bench { backend: Arc::new(backend), scratch, keep: Box::new(folder) }
}

store::conformance_tests!(bench(Options::default()));

mod carrying_over {
    use super::*;

    store::conformance_tests!(bench(Options { keys_gathered: 3, ..Options::default() }));
}
