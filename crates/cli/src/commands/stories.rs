//! Commands against a server that runs in this process, on a folder of its own.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::JoinHandle,
};

use anyhow::{Result, anyhow};
use clap::Parser;
use serde_json::Value;
use server::{Environments, ListenerConfig};

use crate::{
    arguments::Arguments, client::Refusal, config, config::ServerConfig, context::Context, exit::Exit,
};

/// A folder with a server on it.
struct Place {
    room: tempfile::TempDir,
    end: Option<tokio::sync::oneshot::Sender<()>>,
    server: Option<JoinHandle<Result<()>>>,
}

/// How a command ended and what it said.
struct Said {
    exit: Exit,
    out: String,
    err: String,
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Kept {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Place {
    fn new() -> Result<Self> {
        Self::with(vec![config::listener("127.0.0.1:0".parse()?)])
    }

    fn with(listeners: Vec<ListenerConfig>) -> Result<Self> {
        let room = tempfile::tempdir()?;
        let data = room.path().join("data");
        let (end, ended) = tokio::sync::oneshot::channel();
        let (ready, is_ready) = mpsc::channel();
        let server = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
            runtime.block_on(async {
                let config = ServerConfig { listeners, ..ServerConfig::default() };
                let running = super::serve::start(&data, config).await?;
                ready.send(())?;
                // Whether it is told or left alone: it is over.
                let _ = ended.await;
                running.stop().await
            })
        });
        if is_ready.recv().is_err() {
            let ended = server.join().map_err(|_| anyhow!("the server panicked"))?;
            return Err(ended.err().unwrap_or_else(|| anyhow!("the server ended")));
        }
        Ok(Self { room, end: Some(end), server: Some(server) })
    }

    fn data(&self) -> PathBuf {
        self.room.path().join("data")
    }

    /// Runs a command line; words are split at blanks.
    fn run(&self, line: &str) -> Said {
        let data = self.data();
        let words = ["greenroom", "--data"].into_iter().map(Into::into).chain([data.into_os_string()]);
        let arguments = Arguments::try_parse_from(words.chain(line.split(' ').map(Into::into)))
            .unwrap_or_else(|error| panic!("{line}: {error}"));
        let (out, err) = (Kept::default(), Kept::default());
        let mut context = Context {
            global: arguments.global,
            out: Box::new(out.clone()),
            err: Box::new(err.clone()),
            interactive: false,
            watched: true,
        };
        let exit = super::run(arguments.command, &mut context).unwrap_or_else(|error| {
            context.complain(&error);
            Refusal::exit_of(&error)
        });
        Said { exit, out: out.text(), err: err.text() }
    }

    /// Runs a command that must succeed.
    fn done(&self, line: &str) -> String {
        let said = self.run(line);
        assert_eq!(said.exit, Exit::Done, "{line}\n{}{}", said.out, said.err);
        said.out
    }

    fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.done(&format!("{line} --output json"))).expect("JSON")
    }

    fn stop(mut self) -> Result<()> {
        self.end.take();
        match self.server.take().map(JoinHandle::join) {
            Some(Ok(ended)) => ended,
            _ => Err(anyhow!("the server panicked")),
        }
    }
}

fn shop() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/record-shop").display().to_string()
}

impl Place {
    /// Sends an order. (Command lines are split at blanks here, so the event's name has its blank escaped.)
    fn order(&self, id: &str, user: &str, total: &str) -> String {
        let json = format!(
            r#"{{"type":"track","event":"Order\u0020Completed","userId":"{user}","messageId":"{id}","properties":{{"order_id":"{id}","total":{total}}}}}"#
        );
        self.done(&format!("send -e staging --json {json}"))
    }
}

#[test]
fn a_change_from_files_to_staging_to_live_and_back() -> Result<()> {
    let place = Place::new()?;
    let shop = shop();
    place.done("env create staging");

    // Nobody to ask: nothing is done, and the digest to expect is told.
    let unasked = place.run(&format!("apply {shop} --to staging"));
    assert_eq!(unasked.exit, Exit::ApprovalRequired);
    let plan = place.json(&format!("plan {shop} --to staging"));
    let digest = plan["digest"].as_str().unwrap_or_default().to_owned();
    assert!(unasked.err.contains(&digest), "{}", unasked.err);
    assert_eq!(place.run(&format!("plan {shop} --to staging --detailed-exitcode")).exit, Exit::Changes);
    assert_eq!(place.run(&format!("apply {shop} --to staging --expect 00")).exit, Exit::Stale);
    place.done(&format!("apply {shop} --to staging --expect {digest}"));
    assert_eq!(place.run(&format!("plan {shop} --to staging --detailed-exitcode")).exit, Exit::Done);

    // Pull, then plan: empty. A change in the folder: there is one.
    let folder = place.room.path().join("shop");
    let pulled = folder.display().to_string();
    place.done(&format!("pull -e staging {pulled}"));
    assert!(
        place.json(&format!("plan {pulled} --to staging"))["actions"].as_array().is_some_and(Vec::is_empty)
    );
    let currency = folder.join("currencies/points.yaml");
    fs::write(&currency, fs::read_to_string(&currency)?.replace("name: Points", "name: Stars"))?;
    place.done(&format!("apply {pulled} --to staging --auto-approve -m renamed"));

    // Over a plan file to live; the same file again is stale.
    let file = place.room.path().join("plan.json").display().to_string();
    place.done(&format!("plan --from staging --to live -o {file}"));
    assert_eq!(place.run(&format!("rehearse {file}")).exit, Exit::Done);
    place.done(&format!("apply {file} --auto-approve"));
    assert_eq!(place.run(&format!("apply {file} --auto-approve")).exit, Exit::Stale);
    let edited = fs::read_to_string(&file)?.replace("\"Stars\"", "\"Suns\"");
    fs::write(&file, edited)?;
    let edited = place.run(&format!("apply {file} --auto-approve"));
    assert!(edited.exit == Exit::Failed && edited.err.contains("edited by hand"), "{}", edited.err);

    // Blocked, then not.
    fs::write(folder.join("secret.yaml"), "kind: secret\nkey: hook\n")?;
    assert_eq!(place.run(&format!("apply {pulled} --to staging --auto-approve")).exit, Exit::Blocked);
    place.done("secrets set -e staging hook --insecure-value hush");
    place.done(&format!("apply {pulled} --to staging --auto-approve"));
    assert!(!place.done("secrets list -e staging").contains("hush"));

    let revisions = place.json("revisions -e staging");
    let first = revisions["data"].as_array().and_then(|all| all.last()).cloned().unwrap_or_default();
    place.done(&format!("rollback staging --to {}", &first["id"].as_str().unwrap_or_default()[..12]));
    assert_eq!(place.json(&format!("plan {shop} --to staging"))["result"], first["manifest"]);
    place.stop()
}

#[test]
fn an_event_its_reasons_and_its_member() -> Result<()> {
    let place = Place::new()?;
    place.done("env create staging");
    place.done(&format!("apply {} --to staging --auto-approve", shop()));
    assert!(place.order("A1", "ann", "29.50").contains("29 points"));
    assert!(place.order("A1", "ann", "29.50").contains("duplicate"));
    assert!(place.order("A2", "ann", "\"x\"").contains("quarantine (schema)"));
    let unknown = place.run("send -e staging --user ann --event Odrer --message-id A3");
    assert!(unknown.out.contains("unknown_event"), "{}{}", unknown.out, unknown.err);

    let explained = place.done("explain -e staging A1");
    assert!(explained.contains("+ points_for_orders") && explained.contains("balance 29"), "{explained}");
    let quarantined = place.done("explain -e staging A2");
    assert!(quarantined.contains("(schema)") && quarantined.contains("/properties/total"), "{quarantined}");
    place.done("adjust credit -e staging ann points 50 --reason late --idempotency-key k");
    place.done("adjust credit -e staging ann points 50 --reason late --idempotency-key k");
    let short = place.run("adjust debit -e staging ann points 500 --reason x");
    assert!(short.exit == Exit::Failed && short.err.contains("79"), "{}", short.err);
    let shown = place.json("profile show -e staging ann");
    assert_eq!(shown["profile"]["balances"]["points"]["available"], 79);
    assert_eq!(shown["timeline"].as_array().map(Vec::len), Some(2));

    let listed = place.json("quarantine list -e staging");
    let id = listed["data"][0]["id"].as_str().unwrap_or_default().to_owned();
    assert!(place.done(&format!("quarantine show -e staging {id}")).contains("unknown_event"));
    assert!(place.done("quarantine replay -e staging --all").contains("2 still do not fit"));

    assert_eq!(place.run("profile erase -e staging ann --reason r").exit, Exit::ApprovalRequired);
    place.done("profile erase -e staging ann --reason r --auto-approve");
    assert!(place.run("profile show -e staging ann").err.contains("nobody in staging"));
    assert!(place.done("verify -e staging").contains("staging holds"));
    place.done("rebuild -e staging");
    assert!(place.done("doctor").contains("staging is ready"));
    place.stop()
}

/// Live behind one door and tests behind another: each command knocks where its environment is.
#[test]
fn commands_find_the_address_that_serves_their_environment() -> Result<()> {
    let any_port = "127.0.0.1:0".parse()?;
    let behind = |environments| ListenerConfig { environments, ..config::listener(any_port) };
    let place = Place::with(vec![behind(Environments::Test), behind(Environments::Live)])?;
    place.done("env create staging");
    let listed = place.json("env list");
    let names: Vec<&str> =
        listed["data"].as_array().into_iter().flatten().filter_map(|it| it["name"].as_str()).collect();
    assert_eq!(names, ["staging", "live"]);
    for environment in ["live", "staging"] {
        place.done(&format!("keys create -e {environment} --kind wk shop"));
        place.done(&format!("apply {} --to {environment} --auto-approve", shop()));
        let sent = place.done(&format!("send -e {environment} --user ann --event x --message-id 1"));
        assert!(sent.contains("unknown_event") || sent.contains("decided"), "{sent}");
    }
    let told = place.done("doctor");
    assert!(told.contains("staging is ready") && told.contains("live is ready"), "{told}");
    place.stop()
}

/// People read and write 8.40; programs read and write 840.
#[test]
fn amounts_have_the_digits_of_their_currency() -> Result<()> {
    let place = Place::new()?;
    place.done("env create staging");
    let folder = place.room.path().join("program");
    fs::create_dir(&folder)?;
    let program = "kind: event_type
key: order_completed
spec: {name: Order Completed, schema: {type: object, properties: {total: {type: number}}}}
---
kind: currency
key: coins
spec: {name: Coins, decimals: 2}
---
kind: reactor
key: coins_for_orders
spec:
  trigger: {event: order_completed}
  actions:
    - award: {currency: coins, of: properties.total, rate: 10}
";
    fs::write(folder.join("program.yaml"), program)?;
    place.done(&format!("apply {} --to staging --auto-approve", folder.display()));
    let sent = place.order("A2", "ann", "84");
    assert!(sent.contains("  8.40 coins"), "{sent}");
    let explained = place.done("explain -e staging A2");
    assert!(explained.contains("award 8.40 coins") && explained.contains("balance 8.40"), "{explained}");
    let taken = place.done("adjust debit -e staging ann coins 0.4 --reason late");
    assert!(taken.contains("available -0.40, balance 8.00"), "{taken}");
    let wrong = place.run("adjust debit -e staging ann coins 0.401 --reason late");
    assert!(wrong.exit == Exit::Failed && wrong.err.contains("more digits"), "{}", wrong.err);
    let shown = place.done("profile show -e staging ann");
    assert!(shown.contains("\n8.00 coins\n  8.00 of") && shown.contains("+8.40 coins"), "{shown}");
    let shown = place.json("profile show -e staging ann");
    assert_eq!(
        (shown["wallet"][0]["available"].clone(), shown["wallet"][0]["decimals"].clone()),
        (800.into(), 2.into())
    );
    let sums = place.done("env show staging");
    assert!(sums.contains("8.00") && sums.contains("-8.40"), "{sums}");
    place.stop()
}

#[test]
fn an_import_goes_on_where_it_was() -> Result<()> {
    let place = Place::new()?;
    place.done(&format!("apply {} --to live --auto-approve", shop()));
    let file = place.room.path().join("orders.ndjson");
    let line = |n: u32| {
        format!(
            r#"{{"type":"track","event":"Order Completed","userId":"u{}","timestamp":"1997-01-05T00:00:00Z","properties":{{"order_id":"o{n}","total":2.5}}}}"#,
            n % 7
        )
    };
    // The tenth line is no JSON: an import stops there, and what is before it is durable.
    let mut lines: Vec<String> = (1..=20).map(line).collect();
    lines[9] = "{".into();
    fs::write(&file, lines.join("\n"))?;
    let import = format!("import {} -e live --at-once 3", file.display());
    let stopped = place.run(&import);
    assert!(stopped.exit == Exit::Failed && stopped.err.contains("line 10"), "{}", stopped.err);
    assert_eq!(place.json("env show live")["records"], 9);
    let again = place.run(&import);
    assert!(again.err.contains("going on with line 10 of 20"), "{}", again.err);

    // What is imported already must stand there as it was.
    fs::write(&file, (2..=20).map(line).collect::<Vec<_>>().join("\n"))?;
    let changed = place.run(&import);
    assert!(changed.exit == Exit::Failed && changed.err.contains("--name"), "{}", changed.err);
    assert_eq!(place.json("env show live")["records"], 9);
    // The line that stopped it is mended: it goes on there, and nothing counts twice.
    fs::write(&file, (1..=20).map(line).collect::<Vec<_>>().join("\n"))?;
    let whole = place.json(&import);
    assert_eq!((whole["decided"].clone(), whole["duplicate"].clone()), (11.into(), 0.into()));
    let again = place.json(&import);
    assert_eq!((again["decided"].clone(), again["duplicate"].clone()), (0.into(), 20.into()));
    assert_eq!(place.json("env show live")["accounts"]["points"]["available"], 40);
    let backup = place.json("backup -e live")["name"].as_str().unwrap_or_default().to_owned();
    assert_eq!(place.run(&format!("restore -e live {backup}")).exit, Exit::ApprovalRequired);
    place.done(&format!("restore -e live {backup} --auto-approve"));
    place.done("clock show -e live");
    assert!(place.run("clock advance -e live 30d").err.contains("test_only"));
    place.stop()
}

#[test]
fn whoever_watches_sees_how_far_it_is() -> Result<()> {
    let place = Place::new()?;
    place.done(&format!("apply {} --to live --auto-approve", shop()));
    let file = place.room.path().join("orders.ndjson");
    let line = |n: u32| {
        format!(
            r#"{{"type":"track","event":"Order Completed","userId":"u{}","timestamp":"1997-01-05T00:00:00Z","properties":{{"order_id":"o{n}","total":2.5}}}}"#,
            n % 700
        )
    };
    fs::write(&file, (1..=8_000).map(line).collect::<Vec<_>>().join("\n"))?;
    place.done(&format!("import {} -e live", file.display()));
    let verified = place.run("verify -e live");
    assert!(verified.exit == Exit::Done && verified.out.contains("live holds"), "{}", verified.out);
    let told: Vec<u64> = verified
        .err
        .split("\r\u{1b}[K")
        .filter_map(|told| told.split_once(" of 8,000 records (")?.0.replace(',', "").parse().ok())
        .collect();
    assert!(told.len() > 1 && told.is_sorted() && told.first() < told.last(), "it moves: {}", verified.err);
    assert!(verified.err.ends_with("\r\u{1b}[K"), "and leaves the line for others");
    assert!(place.done("work list -e live").contains("nothing here"));
    place.stop()
}
