//! Environments are kept apart by the database, not only by us.

use store::conformance::{
    at,
    batch::{life, must, profile},
    identity,
};
use testing::{Database, connect};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_role_of_one_environment_sees_no_other() {
    let database = Database::make().await;
    let backend = database.backend().await;
    for name in ["one", "two"] {
        let environment = backend.create(identity(name), at(0)).await.expect("it can be made");
        must(&environment, 0, life(profile(1), 0, 1)).await;
    }
    let (role, password) = database.role("one").await;
    let other = database.role("two").await.0;
    let (own, theirs) = (database.schema("one").await, database.schema("two").await);
    let client = connect(&database.url_as(&role, &password)).await;
    let own_rows = client.query_one(&format!("SELECT count(*) FROM \"{own}\".journal"), &[]).await;
    assert_eq!(own_rows.expect("its own it may read").get::<_, i64>(0), 1);
    for (sql, why) in [
        (format!("SELECT * FROM \"{theirs}\".profile"), "permission denied for schema"),
        (format!("SELECT * FROM \"{theirs}\".feed_no"), "permission denied for schema"),
        (format!("INSERT INTO \"{theirs}\".counter VALUES (1, 1, 1, 'x')"), "permission denied for schema"),
        ("SELECT * FROM greenroom.environment".to_owned(), "permission denied for schema"),
        (format!("SET ROLE \"{other}\""), "permission denied to set role"),
        (format!("SET SESSION AUTHORIZATION \"{other}\""), "permission denied to set session authorization"),
        ("SET ROLE postgres".to_owned(), "permission denied to set role"),
        (format!("DELETE FROM \"{own}\".journal"), "permission denied for table"),
        (format!("UPDATE \"{own}\".journal SET header = ''"), "permission denied for table"),
        (format!("TRUNCATE \"{own}\".directory"), "permission denied for table"),
        (format!("DROP TABLE \"{own}\".profile"), "must be owner"),
        (format!("CREATE TABLE \"{own}\".more (a integer)"), "permission denied for schema"),
        ("CREATE ROLE another".to_owned(), "permission denied to create role"),
    ] {
        let refused = client.batch_execute(&sql).await.expect_err(&sql);
        let said = refused.as_db_error().map(|error| error.message().to_owned()).unwrap_or_default();
        assert!(said.contains(why), "{sql}: {said}");
        // What it was before, it is again, and nothing else.
        client
            .batch_execute("RESET ROLE; RESET SESSION AUTHORIZATION")
            .await
            .expect("that is always allowed");
        let now: String = client.query_one("SELECT current_user::text", &[]).await.expect("well").get(0);
        assert_eq!(now, role);
    }
}

/// The installing role needs no superuser's powers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_may_make_roles_and_schemas_is_enough() {
    let database = Database::make().await;
    let (superuser, name) = (database.superuser().await, database.name.clone());
    let installer = format!("installer_of_{name}");
    superuser
        .batch_execute(&format!(
            "CREATE ROLE {installer} LOGIN CREATEROLE PASSWORD 'hush'; GRANT CREATE ON DATABASE {name} TO {installer}"
        ))
        .await
        .expect("a superuser may");
    let url = database.url_as(&installer, "hush");
    let folder = tempfile::tempdir().expect("a folder can be made");
    {
        use store::Backend;
        let options = store_postgres::Options::default();
        let backend = store_postgres::PostgresBackend::open(&url, options).await.expect("it may");
        let one = backend.create(identity("one"), at(0)).await.expect("it may");
        must(&one, 0, life(profile(1), 0, 1)).await;
        one.backup(&folder.path().join("backup")).await.expect("well");
        one.close().await.expect("well");
        let one = backend.restore("one", &folder.path().join("backup"), at(1)).await.expect("it may");
        must(&one, 0, life(profile(1), 1, 2)).await;
        one.close().await.expect("well");
    }
    // The roles that it made go with the database; what it was granted has to be taken back by hand.
    let roles: Vec<String> = superuser
        .query("SELECT role FROM greenroom.environment", &[])
        .await
        .expect("well")
        .iter()
        .map(|row| row.get(0))
        .collect();
    superuser.batch_execute(&format!("DROP OWNED BY {installer} CASCADE")).await.expect("a superuser may");
    for role in roles {
        superuser.batch_execute(&format!("DROP ROLE \"{role}\"")).await.expect("a superuser may");
    }
    superuser.batch_execute(&format!("DROP ROLE {installer}")).await.expect("a superuser may");
}
