//! What an operator is told of a database.

use std::time::Duration;

use jiff::Timestamp;
use store::{
    Beat, Finding,
    Health::{self, Ill, Mind, Well},
    conformance::{at, identity},
};
use store_postgres::{Options, PostgresBackend, examined};
use testing::Database;

fn options() -> Options {
    Options { connect_timeout: Duration::from_secs(2), ..Options::default() }
}

/// The findings about one thing.
fn about<'a>(findings: &'a [Finding], what: &str) -> Vec<(Health, &'a str)> {
    let of_it = findings.iter().filter(|one| one.what == what);
    of_it.map(|one| (one.health, one.found.as_str())).collect()
}

fn only<'a>(findings: &'a [Finding], what: &str) -> (Health, &'a str) {
    let found = about(findings, what);
    assert_eq!(found.len(), 1, "{what}: {findings:?}");
    found[0]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_used_is_told_of_with_its_nodes() {
    let database = Database::make().await;
    let superuser = database.superuser().await;
    let off = format!("ALTER DATABASE {} SET synchronous_commit = off", database.name);
    superuser.batch_execute(&off).await.expect("a superuser may");

    let unused = examined(&database.url, &options()).await;
    assert!(only(&unused, "registry").1.contains("not there yet"), "{unused:?}");
    let sql = "SELECT count(*) FROM pg_namespace WHERE nspname = 'greenroom'";
    let made: i64 = superuser.query_one(sql, &[]).await.expect("it reads").get(0);
    assert_eq!(made, 0, "looking makes nothing");

    let one = database.backend().await.create(identity("one"), at(0)).await.expect("well");
    let beat = Beat {
        id: [7; 16],
        name: "node-a".into(),
        started_at: Timestamp::now(),
        epoch: 0,
        holds_timers: false,
        duties: vec!["timers".into()],
        lasts: Duration::from_mins(1),
    };
    one.nodes().expect("it is shared").beat(&beat).await.expect("well");
    let used = examined(&database.url, &options()).await;
    let (health, found) = only(&used, "database");
    assert!(health == Well && found.contains(&database.name) && found.contains("PostgreSQL 1"), "{found}");
    assert_eq!(only(&used, "registry").0, Well);
    assert!(only(&used, "environment").1.starts_with("one (schema env_one_"), "{used:?}");
    let (health, found) = only(&used, "nodes");
    assert!(health == Well && found.contains("one is served by node-a"), "{found}");
    assert!(found.contains(" ms ago") && found.contains("timers"), "{found}");
    assert_eq!(only(&used, "role").0, Well);
    assert_eq!(only(&used, "encryption").0, Well, "it is this machine's");
    assert_eq!(only(&used, "database's clock").0, Well);
    assert_eq!(about(&used, "connections").len(), 2);
    // Tests run on a server that does not sync; the rest of it is as it should be.
    let fsync: String = superuser.query_one("SHOW fsync", &[]).await.expect("it tells").get(0);
    let ill: Vec<&Finding> =
        used.iter().filter(|one| one.health == Ill && !one.found.contains("page")).collect();
    let (expected, said) = if fsync == "off" { (1, "`fsync` is off") } else { (0, "") };
    assert_eq!(ill.len(), expected, "{ill:?}");
    assert!(ill.iter().all(|one| one.found == said), "{ill:?}");

    superuser.batch_execute("INSERT INTO greenroom.migration VALUES (99, 0)").await.expect("well");
    let newer = examined(&database.url, &options()).await;
    assert_eq!(only(&newer, "registry").0, Ill);
    let older = "DELETE FROM greenroom.migration WHERE no > 1";
    superuser.batch_execute(older).await.expect("well");
    let older = examined(&database.url, &options()).await;
    assert_eq!(only(&older, "registry").0, Mind);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_role_lacks_is_told_with_the_grant() {
    let database = Database::make().await;
    let role = format!("poor_{}", database.name);
    let superuser = database.superuser().await;
    superuser.batch_execute(&format!("CREATE ROLE {role} LOGIN PASSWORD 'hush'")).await.expect("well");
    let findings = examined(&database.url_as(&role, "hush"), &options()).await;
    let helps: Vec<&str> = findings
        .iter()
        .filter(|one| one.what == "role" && one.health == Ill)
        .filter_map(|one| one.help.as_deref())
        .collect();
    let name = &database.name;
    assert_eq!(helps.len(), 2, "{findings:?}");
    for help in &helps {
        // What it says is what helps.
        let (_, sql) = help.split_once(": ").expect("who, and what");
        superuser.batch_execute(sql).await.unwrap_or_else(|error| panic!("{help}: {error}"));
    }
    let findings = examined(&database.url_as(&role, "hush"), &options()).await;
    assert_eq!(only(&findings, "role").0, Well);
    PostgresBackend::open(&database.url_as(&role, "hush"), options()).await.expect("now it may");

    let other = format!("other_{}", database.name);
    superuser
        .batch_execute(&format!(
            "CREATE ROLE {other} LOGIN CREATEROLE PASSWORD 'hush'; GRANT CREATE ON DATABASE {name} TO {other}"
        ))
        .await
        .expect("well");
    let findings = examined(&database.url_as(&other, "hush"), &options()).await;
    let (health, found) = only(&findings, "role");
    assert!(health == Ill && found.contains(&role), "whose it is: {found}");
    superuser
        .batch_execute(&format!("DROP OWNED BY {role}, {other} CASCADE; DROP ROLE {role}; DROP ROLE {other}"))
        .await
        .expect("well");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_cannot_be_reached_is_told_of_as_a_server_would() {
    let database = Database::make().await;
    for url in [
        database.url_as("postgres", "wrong"),
        database.url.replace(&database.name, "no_such_database"),
        "postgres://u:p@127.0.0.1:1/d".to_owned(),
        "mysql://u:p@h/d".to_owned(),
    ] {
        let findings = examined(&url, &options()).await;
        let told = PostgresBackend::open(&url, options()).await.err().expect("it cannot be opened");
        let (health, found) = only(&findings, "database");
        assert_eq!((health, found.to_owned(), findings.len()), (Ill, told.to_string(), 1));
        assert!(!found.contains("wrong"), "a password is never shown: {found}");
    }
}
