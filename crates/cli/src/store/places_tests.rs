//! Two folders stand for two stores; a PostgreSQL database is in the tests of the whole process.

use std::path::PathBuf;

use store::conformance::{
    at,
    batch::{life, must, profile},
    identity,
};

use super::*;
use crate::store::StoreConfig;

/// Folders for stores.
struct Ground(tempfile::TempDir);

type Opened = anyhow::Result<Arc<dyn Backend>>;

impl Ground {
    fn new() -> Self {
        let ground = Self(tempfile::tempdir().expect("a folder can be made"));
        std::fs::create_dir(ground.folder("main")).expect("another can");
        ground
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The main store with these environments elsewhere, as a server opens it.
    async fn open(&self, entries: &[(&str, &str)]) -> Opened {
        let own = |at: &str| match at.strip_prefix("postgres:") {
            Some(_) => Place::Database(at.to_owned()),
            None => Place::Folder(self.folder(at)),
        };
        let postgres = store_postgres::Options::default();
        let environments = entries
            .iter()
            .map(|(name, at)| ((*name).to_owned(), OwnStore { at: own(at), postgres: postgres.clone() }))
            .collect();
        let config = StoreConfig { environments, ..StoreConfig::default() };
        crate::store::open(&self.folder("main"), config).await
    }

    async fn opened(&self, entries: &[(&str, &str)]) -> Arc<dyn Backend> {
        self.open(entries).await.expect("it opens")
    }

    /// The store of a folder by itself.
    fn alone(&self, name: &str) -> SqliteBackend {
        SqliteBackend::open(&self.folder(name), store_sqlite::Options::default()).expect("it opens")
    }
}

async fn make(backend: &Arc<dyn Backend>, name: &str, records: u64) {
    let made = backend.create(identity(name), at(0)).await.expect("it can be made");
    must(&made, 0, life(profile(1), 0, records)).await;
    made.close().await.expect("well");
}

async fn records(backend: &Arc<dyn Backend>, name: &str) -> u64 {
    let opened = backend.open(name).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    let count = opened.record_count().await.expect("well");
    opened.close().await.expect("well");
    count
}

/// Opens it, is refused, and hears these words.
async fn refuses(backend: &Arc<dyn Backend>, name: &str, words: &[&str]) {
    let told = match backend.open(name).await {
        Ok(_) => panic!("{name} was opened"),
        Err(error) => error.to_string(),
    };
    for word in words {
        assert!(told.contains(word), "no `{word}` in: {told}");
    }
}

fn names(rows: &[RegistryRow]) -> Vec<(&str, bool)> {
    rows.iter().map(|row| (row.name.as_str(), row.elsewhere.is_some())).collect()
}

#[tokio::test]
async fn each_is_kept_where_the_file_says_and_found_there_again() {
    let ground = Ground::new();
    let entries = [("one", "own"), ("three", "own")];
    let backend = ground.opened(&entries).await;
    for (name, records) in [("one", 1), ("two", 2), ("three", 3)] {
        make(&backend, name, records).await;
    }
    drop(backend);
    for folder in ["main/environments/two", "own/environments/one", "own/environments/three"] {
        assert!(ground.folder(folder).join("store.db").exists(), "{folder}");
    }
    assert!(!ground.folder("main/environments/one").exists(), "there are never two");

    let backend = ground.opened(&entries).await;
    let rows = backend.environments().await.expect("well");
    assert_eq!(names(&rows), [("one", true), ("three", true), ("two", false)]);
    for (name, expected) in [("one", 1), ("two", 2), ("three", 3)] {
        assert_eq!(records(&backend, name).await, expected);
    }
    let again = backend.create(identity("one"), at(9)).await.expect("idempotent by id");
    assert_eq!(again.record_count().await.expect("well"), 1);
    let mut other = identity("one");
    other.id = [1; 16];
    assert!(matches!(backend.create(other, at(0)).await.err(), Some(Error::Exists(_))));
}

/// Broken off after the one and before the other: whoever looks next ends it.
#[tokio::test]
async fn what_was_made_and_not_registered_is_registered() {
    let ground = Ground::new();
    let own: Arc<dyn Backend> = Arc::new(ground.alone("own"));
    make(&own, "one", 1).await;
    drop(own);
    let backend = ground.opened(&[("one", "own")]).await;
    assert_eq!(names(&backend.environments().await.expect("well")), [("one", true)]);
    assert_eq!(records(&backend, "one").await, 1);
}

#[tokio::test]
async fn servers_whose_files_disagree_never_make_two() {
    let ground = Ground::new();
    let backend = ground.opened(&[("one", "own")]).await;
    make(&backend, "one", 1).await;
    make(&backend, "two", 1).await;
    drop(backend);

    // Without the entry.
    let backend = ground.opened(&[]).await;
    refuses(&backend, "one", &["is kept in a store of its own", "[environments.one.store]"]).await;
    let mut another = identity("one");
    another.id = [1; 16];
    assert!(matches!(backend.create(another.clone(), at(0)).await.err(), Some(Error::Exists(_))));
    drop(backend);

    // With another entry, though that store has one of this name as well.
    let wrong: Arc<dyn Backend> = Arc::new(ground.alone("wrong"));
    make(&wrong, "one", 2).await;
    drop(wrong);
    let backend = ground.opened(&[("one", "wrong")]).await;
    refuses(&backend, "one", &["in another store than", "All servers need the same entry"]).await;
    assert!(matches!(backend.create(identity("one"), at(0)).await.err(), Some(Error::Refused(_))));
    assert!(matches!(backend.create(another, at(0)).await.err(), Some(Error::Exists(_))));
    drop(backend);

    // With an entry for one that the main store keeps.
    let backend = ground.opened(&[("one", "own"), ("two", "own")]).await;
    let words =
        ["the main store keeps environment `two`", "migrate-store --environment two", "take that entry out"];
    refuses(&backend, "two", &words).await;
    let told = backend.create(identity("two"), at(0)).await.err().map(|error| error.to_string());
    assert!(told.as_ref().is_some_and(|told| told.contains(words[0])), "{told:?}");
    let told =
        backend.restore("two", &ground.folder("copy"), at(0)).await.err().map(|error| error.to_string());
    assert!(told.as_ref().is_some_and(|told| told.contains(words[0])), "{told:?}");
    assert!(!ground.folder("own/environments/two").exists(), "nothing was made");
    assert_eq!(records(&backend, "one").await, 1, "its neighbour is served");
}

/// The same moment, two files: the second to register is told, and both stores refuse from then on.
#[tokio::test]
async fn one_that_is_made_in_both_at_once_is_refused() {
    let ground = Ground::new();
    let main: Arc<dyn Backend> = Arc::new(ground.alone("main"));
    let own =
        OwnStore { at: Place::Folder(ground.folder("own")), postgres: store_postgres::Options::default() };
    let sqlite = store_sqlite::Options::default();
    let places = Places::new(Arc::clone(&main), Kept::all([("one".to_owned(), own)].into(), &sqlite));
    make(&main, "one", 1).await;
    let own = places.named["one"].get().await.expect("it opens");
    let mut other = identity("one");
    other.id = [1; 16];
    let told = places.make_there(other, at(0), &own).await.err().expect("it is taken").to_string();
    assert!(told.contains("by somebody else at the same moment"), "{told}");
    // What was made in vain is no environment any more, and is in nobody's way who moves the other there.
    let there = own.backend.environments().await.expect("well").remove(0);
    assert_eq!(there.elsewhere, Some(main.id().await.expect("well")));
    let making = own.backend.begin(identity("one"), at(0)).await.expect("it is taken over");
    making.finish().await.expect("well");
    let there = own.backend.environments().await.expect("well");
    assert_eq!(
        there.iter().map(|row| (row.id, row.elsewhere)).collect::<Vec<_>>(),
        [(identity("one").id, None)]
    );
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_its_own_environments_trouble() {
    let ground = Ground::new();
    let gone = ("one", "postgres://nobody:hush@127.0.0.1:1/nothing");
    let backend = ground.opened(&[gone]).await;
    assert!(backend.is_shared(), "it may come back, and is looked for");
    make(&backend, "two", 1).await;
    let told = backend.create(identity("one"), at(0)).await.err().map(|error| error.to_string());
    assert!(
        told.as_ref().is_some_and(|told| told.contains("127.0.0.1:1") && !told.contains("hush")),
        "{told:?}"
    );
    assert_eq!(names(&backend.environments().await.expect("well")), [("two", false)]);
    assert_eq!(records(&backend, "two").await, 1);
    drop(backend);

    // Registered, and its store is gone since.
    let main = ground.alone("main");
    let identity = identity("one");
    let row = RegistryRow {
        id: identity.id,
        name: identity.name,
        live: false,
        made_at: at(0),
        making: false,
        elsewhere: Some([3; 16]),
    };
    main.register(row).await.expect("well");
    drop(main);
    let backend = ground.opened(&[gone]).await;
    assert_eq!(names(&backend.environments().await.expect("well")), [("one", true), ("two", false)]);
    refuses(&backend, "one", &["cannot be written at the moment", "127.0.0.1:1"]).await;
    assert_eq!(records(&backend, "two").await, 1);
}

#[tokio::test]
async fn a_backup_goes_into_a_new_store_when_the_old_one_is_lost() {
    let ground = Ground::new();
    let backend = ground.opened(&[("one", "own")]).await;
    make(&backend, "one", 1).await;
    let copy = ground.folder("copy");
    let one = backend.open("one").await.expect("well");
    one.backup(&copy).await.expect("well");
    one.close().await.expect("well");
    drop((one, backend));

    let backend = ground.opened(&[("one", "new")]).await;
    refuses(&backend, "one", &["in another store than"]).await;
    let restored = backend.restore("one", &copy, at(1)).await.expect("well");
    assert_eq!(restored.record_count().await.expect("well"), 1);
    restored.close().await.expect("well");
    drop((restored, backend));
    let backend = ground.opened(&[("one", "own")]).await;
    refuses(&backend, "one", &["in another store than"]).await;
    drop(backend);

    // The right store, and it has lost it.
    let emptied = ground.alone("emptied").id().await.expect("well");
    let main = ground.alone("main");
    let row = main.environments().await.expect("well").remove(0);
    main.register(RegistryRow { elsewhere: Some(emptied), ..row }).await.expect("well");
    drop(main);
    let backend = ground.opened(&[("one", "emptied")]).await;
    refuses(&backend, "one", &["gone from the store", "greenroom restore --environment one"]).await;
    let restored = backend.restore("one", &copy, at(2)).await.expect("well");
    assert_eq!(restored.record_count().await.expect("well"), 1);
}

/// As a database that was down is.
#[tokio::test]
async fn a_folder_that_another_process_holds_is_looked_for_until_it_is_free() {
    let ground = Ground::new();
    let open = async || {
        let backend = ground.opened(&[("own", "own")]).await;
        let clock = Arc::new(runtime::clock::SystemClock);
        runtime::Greenroom::open(backend, [7; 32], clock, runtime::environment::Options::default()).await
    };
    let greenroom = open().await.expect("it opens");
    let actor = runtime::control::Actor::system();
    greenroom.create_environment("own", actor).await.expect("it is made");
    greenroom.stop().await.expect("well");
    drop(greenroom);

    let other = ground.alone("own");
    let greenroom = open().await.expect("live is served");
    let unopened = greenroom.unopened();
    assert!(unopened.len() == 1 && unopened[0].why.contains("in use by another process"), "{unopened:?}");
    drop(other);
    let served = async {
        while greenroom.environment("own").is_none() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(AGAIN_AFTER * 4, served).await.expect("it is found without a restart");
    assert_eq!(greenroom.unopened(), []);
    greenroom.stop().await.expect("well");
}

#[tokio::test]
async fn the_data_folder_is_no_store_of_ones_own() {
    let ground = Ground::new();
    let told = ground.open(&[("one", "main")]).await.err().map(|error| format!("{error:#}"));
    assert!(told.as_ref().is_some_and(|told| told.contains("names the data folder itself")), "{told:?}");
    // By whatever name it goes: its id tells.
    let main: Arc<dyn Backend> = Arc::new(ground.alone("main"));
    let id = main.id().await.expect("well");
    let own =
        OwnStore { at: Place::Folder(ground.folder("own")), postgres: store_postgres::Options::default() };
    let kept = Kept::all([("one".to_owned(), own)].into(), &store_sqlite::Options::default());
    *kept["one"].state.lock().await = State::Open(Own { backend: Arc::clone(&main), id });
    let backend: Arc<dyn Backend> = Arc::new(Places::new(main, kept));
    let told = backend.create(identity("one"), at(0)).await.err().map(|error| error.to_string());
    assert!(told.as_ref().is_some_and(|told| told.contains("names the main store")), "{told:?}");
}
