//! What goes wrong, what is said then, and that it goes on by itself afterwards.

use std::{sync::Arc, time::Duration};

use store::{
    AdministratorRow, Commit, Deciding, Environment, Error, Granted, Step, Writes,
    conformance::{
        at,
        batch::{Stepping, commit, demand, life, must, profile, sum},
        identity,
    },
};
use store_postgres::{Options, PostgresBackend};
use testing::Database;

async fn refused(url: &str) -> Error {
    let options = Options { connect_timeout: Duration::from_secs(2), ..Options::default() };
    PostgresBackend::open(url, options).await.err().expect("it cannot be opened")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_url_says_what_is_wrong() {
    let database = Database::make().await;
    let password = refused(&database.url_as("postgres", "wrong")).await;
    assert!(matches!(&password, Error::Refused(said) if said.contains("password")), "{password}");
    assert!(!password.to_string().contains("wrong"), "a password is never shown: {password}");
    let user = refused(&database.url_as("nobody", "x")).await;
    assert!(matches!(&user, Error::Refused(said) if said.contains("nobody")), "{user}");
    let absent = refused(&database.url.replace(&database.name, "no_such_database")).await;
    assert!(matches!(&absent, Error::Missing(what) if what.contains("no_such_database")), "{absent}");
    assert!(absent.to_string().contains("CREATE DATABASE"), "{absent}");
    let without = refused(&database.url_as("postgres", "").replace("postgres:@", "postgres@")).await;
    assert!(matches!(&without, Error::Refused(said) if said.contains("the URL has none")), "{without}");
    let nobody = refused("postgres://u:p@127.0.0.1:1/d").await;
    assert!(matches!(&nobody, Error::Recovering(why) if why.contains("127.0.0.1:1")), "{nobody}");
    let other = refused("sqlite:/var/lib/greenroom").await;
    assert!(matches!(&other, Error::Refused(said) if said.contains("postgres://")), "{other}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_made_in_a_database_that_must_have_been_used() {
    let database = Database::make().await;
    let options = || Options { must_exist: true, ..Options::default() };
    let told = PostgresBackend::open(&database.url, options()).await.err();
    assert!(matches!(told, Some(Error::Missing(_))), "{told:?}");
    let sql = "SELECT count(*) FROM pg_namespace WHERE nspname = 'greenroom'";
    let made: i64 = database.superuser().await.query_one(sql, &[]).await.expect("it reads").get(0);
    assert_eq!(made, 0);
    database.backend().await;
    PostgresBackend::open(&database.url, options()).await.expect("now it was");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_without_the_right_to_make_things_is_told_so() {
    let database = Database::make().await;
    let role = format!("poor_{}", database.name);
    let superuser = database.superuser().await;
    superuser.batch_execute(&format!("CREATE ROLE {role} LOGIN PASSWORD 'hush'")).await.expect("well");
    let told = refused(&database.url_as(&role, "hush")).await;
    assert!(matches!(&told, Error::Refused(said) if said.contains("CREATEROLE")), "{told}");
    superuser.batch_execute(&format!("DROP ROLE {role}")).await.expect("well");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_from_the_future_is_refused() {
    let database = Database::make().await;
    let backend = database.backend().await;
    backend.create(identity("one"), at(0)).await.expect("well").close().await.expect("well");
    let superuser = database.superuser().await;
    let schema = database.schema("one").await;
    superuser
        .batch_execute(&format!("INSERT INTO \"{schema}\".migration VALUES (99, 0)"))
        .await
        .expect("well");
    let told = backend.open("one").await.err().expect("it is too new");
    assert!(matches!(&told, Error::Refused(said) if said.contains("start a newer greenroom")), "{told}");
    superuser.batch_execute("INSERT INTO greenroom.migration VALUES (99, 0)").await.expect("well");
    let told = refused(&database.url).await;
    assert!(matches!(&told, Error::Refused(said) if said.contains("start a newer greenroom")), "{told}");
    superuser.batch_execute("DELETE FROM greenroom.migration WHERE no = 99").await.expect("well");
    superuser.batch_execute(&format!("DROP SCHEMA \"{schema}\" CASCADE")).await.expect("well");
    let told = backend.open("one").await.err().expect("it is gone");
    assert!(matches!(&told, Error::Missing(_)), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_takes_the_time_that_it_takes() {
    let database = Database::make().await;
    database.backend().await.create(identity("one"), at(0)).await.expect("well").close().await.expect("well");
    let (superuser, schema) = (database.superuser().await, database.schema("one").await);
    superuser
        .batch_execute(&format!(
            "SET search_path TO \"{schema}\";
             DROP TABLE rehearsal, rehearsal_member;
             DELETE FROM migration WHERE no = 3;
             CREATE FUNCTION public.slowly() RETURNS event_trigger LANGUAGE plpgsql AS
                 $$ BEGIN PERFORM pg_sleep(1.2); END $$;
             CREATE EVENT TRIGGER slowly ON ddl_command_start WHEN tag IN ('CREATE INDEX')
                 EXECUTE FUNCTION public.slowly()"
        ))
        .await
        .expect("well");
    let short = Options { statement_timeout: Duration::from_secs(1), ..Options::default() };
    let one = database.backend_with(short).await.open("one").await.expect("it is migrated");
    must(&one, 0, life(profile(1), 0, 1)).await;
    assert_eq!(one.rehearsals(None, 9).await.expect("the tables are there").rows, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_waits_for_whoever_is_in_its_way_and_names_them() {
    let database = Database::make().await;
    database.backend().await.create(identity("one"), at(0)).await.expect("well").close().await.expect("well");
    let (mut other, schema) = (database.superuser().await, database.schema("one").await);
    let older = "DROP TABLE rehearsal, rehearsal_member; DELETE FROM migration WHERE no = 3";
    other.batch_execute(&format!("SET search_path TO \"{schema}\"; {older}")).await.expect("well");
    let pid: i32 = other.query_one("SELECT pg_backend_pid()", &[]).await.expect("it tells").get(0);
    other.batch_execute("SET application_name TO 'nightly dump'").await.expect("well");
    let options = |seconds| Options {
        lock_timeout: Duration::from_millis(600),
        migration_wait: Duration::from_secs(seconds),
        ..Options::default()
    };
    // Reading goes on meanwhile, writing does not.
    let dump = other.transaction().await.expect("well");
    dump.batch_execute("LOCK TABLE migration IN SHARE MODE").await.expect("well");
    let told = database.backend_with(options(1)).await.open("one").await.err().expect("somebody has a lock");
    assert!(matches!(&told, Error::Recovering(_)), "{told}");
    for said in ["has to be migrated", &format!("process {pid} has it"), "nightly dump", "s)"] {
        assert!(told.to_string().contains(said), "{told}");
    }
    let backend = database.backend_with(options(60)).await;
    let opening = tokio::spawn(async move { backend.open("one").await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!opening.is_finished(), "longer than any lock is waited for");
    dump.rollback().await.expect("well");
    let one = opening.await.expect("it ends").expect("it is migrated");
    must(&one, 0, life(profile(1), 0, 1)).await;
    assert_eq!(one.rehearsals(None, 9).await.expect("the tables are there").rows, []);
}

/// Commits the next record of a profile, as often as it takes; how often that was.
async fn patiently(environment: &Arc<dyn Environment>, n: u64) -> u32 {
    for tries in 1..200 {
        match commit(environment, 0, life(profile(1), n - 1, n)).await {
            Ok(Commit::Committed) => return tries,
            Err(Error::Recovering(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
            // The attempt before was committed, only its answer was lost.
            Ok(Commit::Conflict) if tries > 1 => return tries,
            other => panic!("{other:?}"),
        }
    }
    panic!("it never came back")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_connections_are_opened_again() {
    let database = Database::make().await;
    let one = database.backend().await.create(identity("one"), at(0)).await.expect("well");
    let role = database.role("one").await.0;
    let superuser = database.superuser().await;
    let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1";
    let killing = tokio::spawn(async move {
        for _ in 0..20 {
            superuser.query(terminate, &[&role]).await.expect("a superuser may");
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    });
    for n in 1..=40 {
        patiently(&one, n).await;
    }
    killing.await.expect("it ends");
    assert_eq!(one.record_count().await.expect("well"), 40);
    assert_eq!(one.check().await.expect("well"), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_lets_nobody_in_is_waited_for() {
    let database = Database::make().await;
    let one = database.backend().await.create(identity("one"), at(0)).await.expect("well");
    patiently(&one, 1).await;
    let (role, superuser) = (database.role("one").await.0, database.superuser().await);
    superuser.batch_execute(&format!("ALTER ROLE \"{role}\" CONNECTION LIMIT 0")).await.expect("well");
    let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1";
    superuser.query(terminate, &[&role]).await.expect("well");
    tokio::time::sleep(Duration::from_millis(100)).await;
    for _ in 0..5 {
        let told = commit(&one, 0, life(profile(1), 1, 2)).await;
        assert!(matches!(told, Err(Error::Recovering(_))), "{told:?}");
    }
    superuser.batch_execute(&format!("ALTER ROLE \"{role}\" CONNECTION LIMIT -1")).await.expect("well");
    patiently(&one, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_and_a_read_only_server_acknowledge_nothing() {
    let database = Database::make().await;
    let one = database.backend().await.create(identity("one"), at(0)).await.expect("well");
    let (superuser, schema) = (database.superuser().await, database.schema("one").await);
    superuser
        .batch_execute(&format!(
            "CREATE FUNCTION public.no_space() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;
             CREATE TRIGGER no_space BEFORE INSERT ON \"{schema}\".journal EXECUTE FUNCTION public.no_space()"
        ))
        .await
        .expect("well");
    let told = commit(&one, 0, life(profile(1), 0, 1)).await;
    assert!(matches!(told, Err(Error::Full(_))), "{told:?}");
    one.record_count().await.expect("it can be read");
    let told = one.writable().await;
    assert!(matches!(told, Err(Error::Full(_))), "and is not ready: {told:?}");
    superuser.batch_execute(&format!("DROP TRIGGER no_space ON \"{schema}\".journal")).await.expect("well");
    must(&one, 0, life(profile(1), 0, 1)).await;
    one.writable().await.expect("a commit shows that there is room");

    // Where nobody is sent any more, nothing is committed: it is tried.
    superuser
        .batch_execute(&format!(
            "CREATE TRIGGER no_space BEFORE INSERT ON \"{schema}\".journal EXECUTE FUNCTION public.no_space();
             CREATE TRIGGER no_space BEFORE INSERT ON \"{schema}\".checkpoint EXECUTE FUNCTION public.no_space()"
        ))
        .await
        .expect("well");
    commit(&one, 0, life(profile(1), 1, 2)).await.expect_err("it is full");
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let told = one.writable().await;
    assert!(matches!(told, Err(Error::Full(_))), "it is still full: {told:?}");
    superuser.batch_execute("DROP FUNCTION public.no_space() CASCADE").await.expect("well");
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    one.writable().await.expect("there is room again");
    assert!(one.checkpoints().await.expect("well").is_empty(), "trying leaves nothing");

    let (role, name) = (database.role("one").await.0, &database.name);
    let read_only = |on: &str| format!("ALTER DATABASE {name} SET default_transaction_read_only = {on}");
    let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1";
    superuser.batch_execute(&read_only("on")).await.expect("well");
    superuser.query(terminate, &[&role]).await.expect("well");
    tokio::time::sleep(Duration::from_millis(100)).await;
    let told = commit(&one, 0, life(profile(1), 1, 2)).await;
    assert!(matches!(&told, Err(Error::Recovering(why)) if why.contains("read-only")), "{told:?}");
    assert_eq!(one.record_count().await.expect("it can be read"), 1);
    let told = one.writable().await;
    assert!(matches!(&told, Err(Error::Recovering(why)) if why.contains("read-only")), "{told:?}");
    superuser.batch_execute("SET default_transaction_read_only = off").await.expect("well");
    superuser.batch_execute(&read_only("off")).await.expect("well");
    superuser.query(terminate, &[&role]).await.expect("well");
    patiently(&one, 2).await;
    one.writable().await.expect("it can be written again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_says_is_told_and_what_somebody_took_away_is_waited_for() {
    let database = Database::make().await;
    let one = database.backend().await.create(identity("one"), at(0)).await.expect("well");
    let (superuser, schema) = (database.superuser().await, database.schema("one").await);
    let role = database.role("one").await.0;
    let raising = async |code: &str| {
        superuser
            .batch_execute(&format!(
                "CREATE OR REPLACE FUNCTION public.raises() RETURNS trigger LANGUAGE plpgsql AS
                     $$ BEGIN RAISE EXCEPTION 'what the server says' USING ERRCODE = '{code}',
                         HINT = 'what to do', DETAIL = 'Key (email)=(ada@example.com)'; END $$;
                 CREATE OR REPLACE TRIGGER raises BEFORE INSERT ON \"{schema}\".journal
                     EXECUTE FUNCTION public.raises()"
            ))
            .await
            .expect("well");
        commit(&one, 0, life(profile(1), 0, 1)).await.expect_err("it is not written")
    };
    for (code, passes) in
        [("54000", true), ("55000", true), ("42883", true), ("P0001", false), ("0A000", false)]
    {
        let told = raising(code).await;
        let said = told.to_string();
        assert_eq!(matches!(told, Error::Recovering(_)), passes, "{told:?}");
        for words in ["what the server says", code, "what to do"] {
            assert!(said.contains(words), "{words} is not in: {said}");
        }
        assert!(!said.contains("ada@"), "{said}");
    }
    let value = raising("22P02").await.to_string();
    assert!(value.contains("22P02") && !value.contains("what the server says"), "{value}");
    superuser.batch_execute("DROP FUNCTION public.raises() CASCADE").await.expect("well");

    let grants = async |sql: &str| {
        superuser
            .batch_execute(&sql.replace("{of}", &format!("ON \"{schema}\".journal")))
            .await
            .expect("well");
    };
    grants(&format!("REVOKE INSERT {{of}} FROM \"{role}\"")).await;
    let told = commit(&one, 0, life(profile(1), 0, 1)).await;
    assert!(matches!(&told, Err(Error::Recovering(why)) if why.contains("permission denied")), "{told:?}");
    grants(&format!("GRANT INSERT {{of}} TO \"{role}\"")).await;
    superuser.batch_execute(&format!("ALTER TABLE \"{schema}\".journal RENAME TO away")).await.expect("well");
    let told = commit(&one, 0, life(profile(1), 0, 1)).await;
    assert!(matches!(&told, Err(Error::Recovering(why)) if why.contains("is gone")), "{told:?}");
    superuser.batch_execute(&format!("ALTER TABLE \"{schema}\".away RENAME TO journal")).await.expect("well");
    patiently(&one, 1).await;

    superuser.batch_execute(&format!("ALTER ROLE \"{role}\" PASSWORD 'another'")).await.expect("well");
    let told = database.backend().await.open("one").await.err().expect("its password is another");
    assert!(told.to_string().contains("pg_dumpall --globals-only"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_are_not_what_was_written_are_named() {
    let database = Database::make().await;
    let one = database.backend().await.create(identity("one"), at(0)).await.expect("well");
    let sums = || vec![sum("points", store_account(), 5)];
    must(&one, 0, Writes { sums: sums(), ..life(profile(1), 0, 2) }).await;
    let (superuser, schema) = (database.superuser().await, database.schema("one").await);
    let spoil = async |sql: &str| {
        let text = format!("SET search_path TO \"{schema}\"; {sql}");
        superuser.batch_execute(&text).await.expect("well");
    };
    spoil("UPDATE profile SET state = set_byte(state, 0, 7)").await;
    let told = one.profiles(&[profile(1)]).await;
    assert!(matches!(told, Err(Error::Damaged { .. })), "{told:?}");
    spoil("UPDATE journal SET body = set_byte(body, 0, 7) WHERE n = 2").await;
    let stream = store::Stream::Profile(profile(1));
    let told = one.record(stream, 2).await;
    assert!(matches!(told, Err(Error::Damaged { .. })), "{told:?}");
    spoil("UPDATE journal SET body = NULL, body_crc = NULL WHERE n = 1").await;
    let told = one.record(stream, 1).await;
    assert!(matches!(told, Err(Error::Damaged { .. })), "{told:?}");
    spoil("DELETE FROM journal WHERE n = 2").await;
    let told = one.record(stream, 2).await;
    assert!(matches!(told, Err(Error::Damaged { .. })), "{told:?}");
    spoil("UPDATE account_sum SET amount = amount # 64").await;
    let told = one.sums().await;
    assert!(matches!(told, Err(Error::Damaged { .. })), "{told:?}");
    // Whichever shard is added to, it meets a spoilt row, and does not make it look right.
    spoil(
        "INSERT INTO account_sum (currency, account, shard, amount, mirror)
         SELECT currency, account, other, amount, mirror FROM account_sum, generate_series(0, 15) AS other
         ON CONFLICT DO NOTHING",
    )
    .await;
    let told = commit(&one, 0, Writes { sums: sums(), ..Writes::default() }).await;
    assert!(matches!(told, Err(Error::Damaged { .. })), "{told:?}");
    let said = one.check().await.expect("it can be checked");
    assert!(!said.is_empty(), "{said:?}");
}

fn store_account() -> ledger::Account {
    ledger::Account::Issued
}

/// A decision that asks for one counter, then for another's: only so can locks make a circle.
fn asking(no: u32, n: u64, first: &'static str, second: &'static str) -> Box<dyn Deciding> {
    let mut steps = 0;
    Box::new(Stepping(move |_: &[Granted]| {
        steps += 1;
        match steps {
            1 => Step::Demand(vec![demand(first, 10, 1, false)]),
            2 => {
                std::thread::sleep(Duration::from_millis(200));
                Step::Demand(vec![demand(second, 10, 1, false)])
            }
            _ => Step::Write(Box::new(life(profile(no), n - 1, n))),
        }
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_circle_of_locks_is_a_conflict_and_does_not_come_again() {
    let database = Database::make().await;
    let a = database.backend().await.create(identity("one"), at(0)).await.expect("well");
    let b = database.backend().await.open("one").await.expect("well");
    let (x, y) = tokio::join!(a.commit(0, asking(1, 1, "x", "y")), b.commit(0, asking(2, 1, "y", "x")));
    let mut outcomes = [x.expect("well"), y.expect("well")];
    outcomes.sort_by_key(|outcome| *outcome == Commit::Conflict);
    assert_eq!(outcomes, [Commit::Committed, Commit::Conflict]);
    let (x, y) = tokio::join!(a.commit(0, asking(3, 1, "x", "y")), b.commit(0, asking(4, 1, "y", "x")));
    assert_eq!([x.expect("well"), y.expect("well")], [Commit::Committed; 2]);
    // What is locked by habit alone is not made.
    let mut asked = false;
    let only = Stepping(move |_: &[Granted]| {
        if std::mem::replace(&mut asked, true) {
            return Step::Write(Box::new(life(profile(5), 0, 1)));
        }
        Step::Demand(vec![demand("x", 10, 1, false)])
    });
    assert_eq!(a.commit(0, Box::new(only)).await.expect("well"), Commit::Committed);
    assert_eq!(a.export_view("counters").await.expect("well"), ["x 4 4", "y 3 3"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_administrators_that_are_revoked_at_once_on_two_nodes_one_stays() {
    let database = Database::make().await;
    let (a, b) = (database.backend().await, database.backend().await);
    let mut stayed: Option<String> = None;
    for round in 0..10 {
        let ids = [format!("{round}-1"), format!("{round}-2")];
        for id in &ids {
            let row = AdministratorRow {
                id: id.clone(),
                name: "Ada".to_owned(),
                token_hash: [1; 32],
                hint: "wxyz".to_owned(),
                made_at: at(1),
                revoked_at: None,
            };
            a.put_administrator(row).await.expect("well");
        }
        if let Some(before) = stayed.take() {
            a.revoke_administrator(&before, at(2)).await.expect("well").expect("others stay");
        }
        let (x, y) =
            tokio::join!(a.revoke_administrator(&ids[0], at(3)), b.revoke_administrator(&ids[1], at(3)));
        let (x, y) = (x.expect("well"), y.expect("well"));
        assert_ne!(x.is_some(), y.is_some(), "one of them stays");
        let left: Vec<String> = a
            .administrators()
            .await
            .expect("well")
            .into_iter()
            .filter(|row| row.revoked_at.is_none())
            .map(|row| row.id)
            .collect();
        assert_eq!(left.len(), 1, "{left:?}");
        stayed = left.into_iter().next();
    }
}
