//! What the disk does to us: flipped bits, bad pages, older copies put back, logs cut short, no space left,
//! leftovers of erased people; and two who want one folder.

mod anchor;
mod bits;
mod leftovers;
mod limits;
mod pages;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use store::{
    Backend, Environment,
    conformance::{at, batch::must, identity},
};
use store_sqlite::{Options, SqliteBackend};

/// A data folder with one environment in it.
struct Room {
    folder: tempfile::TempDir,
    options: Options,
}

impl Room {
    fn new() -> Self {
        // The anchor does not lag, so that tests need not wait for it.
        let options = Options { anchor_every: Duration::ZERO, ..Options::default() };
        Self { folder: tempfile::tempdir().expect("a folder can be made"), options }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn store(&self) -> PathBuf {
        self.data().join("environments/one/store.db")
    }

    fn backend(&self) -> SqliteBackend {
        SqliteBackend::open(&self.data(), self.options.clone()).expect("nobody holds it")
    }

    async fn create(&self) -> (SqliteBackend, Arc<dyn Environment>) {
        let backend = self.backend();
        let environment = backend.create(identity("one"), at(0)).await.expect("it can be made");
        (backend, environment)
    }
}

/// Copies a folder and all in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("it can be read") {
        let entry = entry.expect("it can be read");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("it has a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("it can be copied");
        }
    }
}

/// Puts people in, with something in every table.
async fn people(environment: &Arc<dyn Environment>, from: u32, until: u32) {
    use store::conformance::batch::{claim, life, outbox, profile, sum};
    for no in from..until {
        let id = profile(no);
        let mut writes = life(id, 0, 3);
        let row = &mut writes.profiles[0];
        row.entered = vec![("club".into(), at(1))];
        row.found_by = vec![("city".into(), format!("city {}", no % 7))];
        row.row.due_at = (no % 2 == 0).then(|| at(i64::from(no)));
        writes.claims.push(claim(no, id, 1));
        writes.outbox.push(outbox(id, 1, 0, "{\"to\":\"somebody\"}"));
        writes.sums.push(sum("points", ledger::Account::Issued, -1));
        must(environment, 0, writes).await;
    }
}
