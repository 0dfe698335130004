//! Environments with stores of their own, as the configuration file names them: live in a PostgreSQL database, the test
//! environments in the data folder's files.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use xtask::{greenroom::Greenroom, postgres::Server, process};

use crate::{
    asked::said,
    place::{Place, Sender, one_point_per_dollar, order, points, program, two_points_from_thirty, verified},
};

/// A store that did not answer is asked again after some seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// A data folder, and a PostgreSQL server.
struct Estate {
    place: Place,
    postgres: Server,
}

impl Estate {
    fn new() -> Result<Self> {
        Ok(Self { place: Place::new()?, postgres: Server::durable()? })
    }

    /// The configuration file, with these stores.
    fn config(&self, name: &str, stores: &[(&str, &str)]) -> Result<String> {
        let entries =
            stores.iter().map(|(name, url)| format!("[environments.{name}.store]\nurl = \"{url}\"\n"));
        let file = self.place.file(name);
        fs::write(&file, entries.collect::<String>())?;
        Ok(file.to_string_lossy().into_owned())
    }

    fn serve(&self, config: &str) -> Result<Greenroom> {
        Greenroom::start_prepared(program(), &self.place.data, |command| {
            command.args(["--config", config]);
        })
    }

    fn main(&self) -> String {
        sqlite(&self.place.data)
    }

    /// Lets nobody into a database any more, or again.
    fn open_database(&self, name: &str, open: bool) -> Result<()> {
        self.postgres.ask(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {open}"))?;
        let ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname";
        if !open {
            self.postgres.ask(&format!("{ended} = '{name}'"))?;
        }
        Ok(())
    }

    /// No password of the PostgreSQL server stands in what servers printed.
    fn says_no_password(&self) -> Result<()> {
        let password = self.postgres.url.split([':', '@']).nth(2).context("a URL has a password")?;
        let log = fs::read_to_string(self.place.data.with_extension("log"))?;
        ensure!(log.contains("listening") && !log.contains(password), "{log}");
        Ok(())
    }
}

fn sqlite(folder: &Path) -> String {
    format!("sqlite:{}", folder.display())
}

/// How ready each environment is, as `doctor` tells.
fn diagnosis(server: &Greenroom) -> Result<String> {
    Ok(String::from_utf8(server.command(&["doctor"]).output()?.stdout)?)
}

fn comes_true(what: &str, mut so: impl FnMut() -> Result<bool>) -> Result<()> {
    let give_up = Instant::now() + PATIENCE;
    while !so()? {
        ensure!(Instant::now() < give_up, "not after {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

fn records(server: &Greenroom, environment: &str) -> Result<Value> {
    Ok(server.json(&["env", "show", environment])?["records"].clone())
}

fn send(server: &Greenroom, environment: &str, ids: &[&str], total: &str) -> Result<()> {
    let key = server.write_key(environment)?;
    let items = ids.iter().map(|id| order(id, "ann", total)).collect::<Result<Vec<_>>>()?;
    Sender::new(server, &key)?.send(&items)
}

#[test]
fn live_in_a_database_and_the_others_in_files() -> Result<()> {
    let estate = Estate::new()?;
    let config = estate.config("greenroom.toml", &[("live", &estate.postgres.database("live")?)])?;
    let checked = process::output(Command::new(program()).args(["config", "check", &config]))?;
    ensure!(checked.contains("live has a store of its own, in a database"), "{checked}");

    let server = estate.serve(&config)?;
    server.json(&["env", "create", "uat"])?;
    let folder = |name: &str| estate.place.data.join("environments").join(name);
    ensure!(folder("uat").exists() && !folder("live").exists(), "each where the file says");
    server.apply(&one_point_per_dollar(), "uat")?;
    process::output(&mut server.command(&["apply", "--from", "uat", "--to", "live", "--auto-approve"]))?;
    send(&server, "uat", &["u-1"], "40.00")?;
    send(&server, "live", &["l-1", "l-2"], "40.00")?;
    assert_eq!(points(&server, "ann")?, Some(80));

    // A change that has been tried in the files is promoted into the database.
    server.apply(&two_points_from_thirty(), "uat")?;
    let plan = estate.place.file("plan.json").to_string_lossy().into_owned();
    process::output(&mut server.command(&[
        "plan",
        "--from",
        "uat",
        "--to",
        "live",
        "-o",
        &plan,
        "--allow-delete",
    ]))?;
    process::output(&mut server.command(&["apply", &plan, "--auto-approve"]))?;
    send(&server, "live", &["l-3"], "40.00")?;
    assert_eq!(points(&server, "ann")?, Some(160));

    let backup = server.json(&["backup", "--environment", "live"])?;
    let backup = backup["name"].as_str().context("it has a name")?.to_owned();
    send(&server, "live", &["l-4"], "40.00")?;
    server.stop()?;
    let server = estate.serve(&config)?;
    assert_eq!(points(&server, "ann")?, Some(240), "after a restart");
    server.json(&["restore", "--environment", "live", &backup, "--auto-approve"])?;
    assert_eq!(points(&server, "ann")?, Some(160), "as it was backed up");
    verified(&server)?;
    server.json(&["verify", "--environment", "uat"])?;
    server.stop()?;

    // The same without a server.
    let path = estate.place.data.join("backups").join(&backup).to_string_lossy().into_owned();
    let mut restore = Command::new(program());
    restore.args(["restore", "--stopped", "--auto-approve", "--environment", "live", "--config", &config]);
    let refused = Command::new(program())
        .args(["restore", "--stopped", "--auto-approve", "--environment", "live", &path, "--data"])
        .arg(&estate.place.data)
        .output()?;
    let told = String::from_utf8(refused.stderr)?;
    ensure!(!refused.status.success() && told.contains("[environments.live.store]"), "{told}");
    process::output(restore.arg(path).arg("--data").arg(&estate.place.data))?;
    let server = estate.serve(&config)?;
    let doctor = || {
        Command::new(program())
            .args(["doctor", "--config", &config, "--data"])
            .arg(&estate.place.data)
            .output()
    };
    let told = String::from_utf8(doctor()?.stdout)?;
    for said in ["store of live: database `live`", "store of live: live is served by ", "live is ready"] {
        ensure!(told.contains(said), "{told}");
    }
    ensure!(!told.contains("ILL"), "{told}");
    assert_eq!(points(&server, "ann")?, Some(160));
    assert_eq!(records(&server, "uat")?, 2, "an order, and the upgrade to the other program");
    server.stop()?;
    estate.open_database("live", false)?;
    let told = doctor()?;
    let found = String::from_utf8(told.stdout)?;
    ensure!(!told.status.success() && found.contains("ILL  database: store of live: "), "{found}");
    estate.open_database("live", true)?;

    // The main store moves, and live stays where it is.
    let other = Place::new()?;
    let mut migrate = Command::new(program());
    migrate.args([
        "migrate-store",
        "--from",
        &sqlite(&estate.place.data),
        "--to",
        &sqlite(&other.data),
        "--output",
        "json",
    ]);
    let moved: Value = serde_json::from_str(&process::output(&mut migrate)?)?;
    assert_eq!(
        (&moved["environments"][0]["environment"], &moved["registered"][0]),
        (&"uat".into(), &"live".into())
    );
    for file in ["master.key", "admin.token"] {
        fs::copy(estate.place.data.join(file), other.data.join(file))?;
    }
    let server = Greenroom::start_prepared(program(), &other.data, |command| {
        command.args(["--config", &config]);
    })?;
    assert_eq!((points(&server, "ann")?, records(&server, "uat")?), (Some(160), 2.into()));
    server.stop()?;
    estate.says_no_password()
}

#[test]
fn a_store_that_is_down_is_its_own_environments_trouble() -> Result<()> {
    let estate = Estate::new()?;
    let config = estate.config("greenroom.toml", &[("live", &estate.postgres.database("live")?)])?;
    let server = estate.serve(&config)?;
    server.json(&["env", "create", "uat"])?;
    for name in ["live", "uat"] {
        server.apply(&one_point_per_dollar(), name)?;
        send(&server, name, &["1"], "10.00")?;
    }
    let live = Sender::new(&server, &server.write_key("live")?)?;

    estate.open_database("live", false)?;
    let (status, body) =
        live.post(&serde_json::json!({ "batch": [order("2", "ann", "10.00")?] }).to_string())?;
    ensure!(status == 503, "{status}: {body}");
    send(&server, "uat", &["2"], "10.00")?;
    server.stop()?;

    let server = estate.serve(&config)?;
    send(&server, "uat", &["3"], "10.00")?;
    assert_eq!(records(&server, "uat")?, 3);
    let told = diagnosis(&server)?;
    ensure!(told.contains("uat is ready") && told.contains("live is not ready: it does not open"), "{told}");
    let told = said(&server, &["env", "create", "sandbox"])?;
    ensure!(told.exit == Some(0), "others are made: {told:?}");

    estate.open_database("live", true)?;
    comes_true("live is served again, without a restart", || {
        Ok(diagnosis(&server)?.contains("live is ready"))
    })?;
    send(&server, "live", &["2"], "10.00")?;
    assert_eq!(points(&server, "ann")?, Some(20));
    server.stop()?;
    estate.says_no_password()
}

#[test]
fn what_does_not_fit_together_is_refused_and_says_what_to_do() -> Result<()> {
    let estate = Estate::new()?;
    let (own, other) = (estate.postgres.database("own")?, estate.postgres.database("other")?);
    let without = estate.config("without.toml", &[])?;
    let uat = estate.config("uat.toml", &[("uat", &own)])?;
    let wrong = estate.config("wrong.toml", &[("uat", &other)])?;
    let told = |config: &str, words: &[&str]| -> Result<()> {
        let server = estate.serve(config)?;
        let told = diagnosis(&server)?;
        for word in words.iter().chain(&["live is ready", "uat is not ready"]) {
            ensure!(told.contains(word), "no `{word}` in: {told}");
        }
        let made = said(&server, &["env", "create", "uat"])?;
        ensure!(made.exit == Some(1), "there are never two: {made:?}");
        server.stop()
    };
    let server = estate.serve(&without)?;
    server.json(&["env", "create", "uat"])?;
    server.apply(&one_point_per_dollar(), "uat")?;
    send(&server, "uat", &["1"], "10.00")?;
    server.stop()?;

    // Named, and not moved: it says how.
    told(&uat, &["the main store keeps environment `uat`", "migrate-store --environment uat"])?;
    let migrate = |from: &str, to: &str, more: &[&str]| -> Result<String> {
        let mut command = Command::new(program());
        command.args(["migrate-store", "--environment", "uat", "--from", from, "--to", to, "--data"]);
        let output = command.arg(&estate.place.data).args(more).stdin(Stdio::null()).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    };
    // Without the registry the main store does not know, and the same again says it.
    migrate(&estate.main(), &own, &[])?;
    told(&uat, &["the main store keeps environment `uat`"])?;
    let noted = migrate(&estate.main(), &own, &["--registry", &estate.main()])?;
    ensure!(noted.contains("uat: in the target already, equal in every row"), "{noted}");
    let server = estate.serve(&uat)?;
    send(&server, "uat", &["2"], "10.00")?;
    assert_eq!(records(&server, "uat")?, 2);
    server.stop()?;

    told(&without, &["is kept in a store of its own", "[environments.uat.store]"])?;
    told(&wrong, &["in another store than the one that [environments.uat.store] names"])?;

    // From one database into another, and back into the files, over what had stayed there.
    migrate(&own, &other, &["--registry", &estate.main()])?;
    told(&uat, &["in another store than the one that [environments.uat.store] names"])?;
    let server = estate.serve(&wrong)?;
    send(&server, "uat", &["3"], "10.00")?;
    server.stop()?;
    migrate(&other, &estate.main(), &[])?;
    told(&wrong, &["the main store keeps environment `uat`"])?;
    let server = estate.serve(&without)?;
    assert_eq!(records(&server, "uat")?, 3);
    server.json(&["verify", "--environment", "uat"])?;
    server.stop()?;
    estate.says_no_password()
}

/// Nodes over one database, with live in another: they meet in each environment's own store.
#[test]
fn nodes_meet_in_the_environments_own_store() -> Result<()> {
    let estate = Estate::new()?;
    let (main, own) = (estate.postgres.database("main")?, estate.postgres.database("own")?);
    let with = estate.config("with.toml", &[("live", &own)])?;
    let folder = |name: &str| estate.place.file(name);
    let start = |name: &str, config: &str| {
        Greenroom::start_prepared(program(), &folder(name), |command| {
            command.args(["--config", config]).env("GREENROOM_STORE", &main);
            command.env("GREENROOM_MASTER_KEY", "07".repeat(32));
        })
    };
    // Both at once: one of them makes live, the other finds it.
    let (one, two) = thread::scope(|scope| {
        let one = scope.spawn(|| start("one", &with));
        let two = scope.spawn(|| start("two", &with));
        (one.join(), two.join())
    });
    let (one, two) = (one.ok().context("it starts")??, two.ok().context("it starts")??);
    // Whoever was first made the administrator.
    let tokens = ["one", "two"].map(|name| folder(name).join("admin.token"));
    for (from, to) in [(&tokens[0], &tokens[1]), (&tokens[1], &tokens[0])] {
        if !to.exists() {
            fs::copy(from, to)?;
        }
    }
    for node in [&one, &two] {
        comes_true("both serve live", || {
            let nodes = node.json(&["env", "nodes", "live"])?;
            Ok(nodes["data"].as_array().is_some_and(|nodes| nodes.len() == 2))
        })?;
    }
    one.apply(&one_point_per_dollar(), "live")?;
    send(&two, "live", &["1"], "10.00")?;
    assert_eq!(points(&one, "ann")?, Some(10));
    let without = estate.config("without.toml", &[])?;
    let told = start("three", &without)
        .err()
        .map(|error| format!("{error:#}"))
        .context("there is no second live")?;
    ensure!(told.contains("is kept in a store of its own"), "{told}");
    let made = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'env_live%'";
    assert_eq!(estate.postgres.ask_in("main", made)?.trim(), "0");
    assert_eq!(estate.postgres.ask_in("own", made)?.trim(), "1");
    one.stop()?;
    two.stop()
}

/// A database's log may keep every statement with its parameters.
#[test]
fn no_password_of_a_role_reaches_the_databases_log() -> Result<()> {
    let estate = Estate::new()?;
    for sql in ["ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_reload_conf()"] {
        estate.postgres.ask(sql)?;
    }
    let config = estate.config("greenroom.toml", &[("live", &estate.postgres.database("live")?)])?;
    let server = estate.serve(&config)?;
    send(&server, "live", &["l-1"], "40.00")?;
    let backup = server.json(&["backup", "--environment", "live"])?;
    let backup = backup["name"].as_str().context("it has a name")?.to_owned();
    server.json(&["restore", "--environment", "live", &backup, "--auto-approve"])?;
    server.stop()?;
    let password = estate.postgres.ask_in("live", "SELECT password FROM greenroom.environment")?;
    let (password, log) = (password.trim(), estate.postgres.log()?);
    ensure!(password.len() > 20, "one environment has one: {password}");
    ensure!(log.contains("CREATE ROLE") && log.contains("parameters: $1"), "everything is logged");
    ensure!(!log.contains(password), "but not that");
    Ok(())
}
