//! Promotion and rollback under load: no request fails, each event is decided under exactly one revision, and
//! none under the old one once the change has been acknowledged.

use std::{
    collections::BTreeMap,
    fs,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, ensure};
use xtask::{greenroom::Greenroom, process};

use crate::{
    asked::Admin,
    place::{Place, Sender, one_point_per_dollar, order, points, two_points_from_thirty, verified},
};

const CLIENTS: usize = 4;
const BATCH: usize = 5;
const LOAD: Duration = Duration::from_millis(400);

/// An event as its client was told.
struct Told {
    user: String,
    epoch: u64,
    points: i64,
}

/// Sends orders of 40 dollars over one connection that is kept, until it is over. `acknowledged` is the epoch
/// of the last change that was.
fn client(
    server: &Greenroom,
    key: &str,
    user: &str,
    acknowledged: &AtomicU64,
    over: &AtomicBool,
) -> Result<BTreeMap<String, Told>> {
    let sender = Sender::new(server, key)?;
    let mut told = BTreeMap::new();
    let mut latest = 0;
    for batch in 0.. {
        if over.load(Ordering::Acquire) {
            break;
        }
        let ids = (0..BATCH).map(|i| format!("{user}-{batch}-{i}"));
        let items = ids.map(|id| order(&id, user, "40.00")).collect::<Result<Vec<_>>>()?;
        let epoch_min = acknowledged.load(Ordering::Acquire);
        let report = sender.reported(&items)?.done()?;
        for item in report["items"].as_array().context("a report has `items`")? {
            ensure!(item["outcome"] == "decided", "{item}");
            let epoch = item["epoch"].as_u64().context("a decided item has an epoch")?;
            ensure!(epoch >= epoch_min, "{item} after epoch {epoch_min} was acknowledged");
            ensure!(epoch >= latest, "{item} after one under epoch {latest}");
            latest = epoch;
            let id = item["message_id"].as_str().context("it has an id")?.to_owned();
            let points = item["points"][0][1].as_i64().with_context(|| format!("points in {item}"))?;
            told.insert(id, Told { user: user.to_owned(), epoch, points });
        }
    }
    Ok(told)
}

/// Promotes a reviewed plan and goes back again, each under load. The epochs from before, of, and after it.
fn changes(server: &Greenroom, place: &Place, acknowledged: &AtomicU64) -> Result<[u64; 3]> {
    let epoch =
        |moved: &serde_json::Value| moved["epoch"].as_u64().with_context(|| format!("no epoch in {moved}"));
    let revisions = server.json(&["revisions", "-e", "live"])?;
    let first = revisions["data"][0]["id"].as_str().context("live has a revision")?.to_owned();
    let before = epoch(&server.json(&["env", "show", "live"])?["environment"])?;
    let file = place.file("plan.json").to_string_lossy().into_owned();
    let folder = two_points_from_thirty();
    process::output(
        server
            .command(&["plan", &folder.to_string_lossy(), "--to", "live", "-o", &file])
            .arg("--allow-delete"),
    )?;
    thread::sleep(LOAD);
    let promoted = epoch(&server.json(&["apply", &file, "--auto-approve"])?)?;
    acknowledged.store(promoted, Ordering::Release);
    thread::sleep(LOAD);
    let back = epoch(&server.json(&["rollback", "live", "--to", &first])?)?;
    acknowledged.store(back, Ordering::Release);
    thread::sleep(LOAD);
    Ok([before, promoted, back])
}

/// How many connections to the server there are, or were within the last minute: closed ones linger.
fn connections(server: &Greenroom) -> Result<usize> {
    let port: u16 = server.collector()?.rsplit(':').next().context("an address has a port")?.parse()?;
    let port = format!(":{port:04X}");
    let table = fs::read_to_string("/proc/net/tcp")?;
    let to_it = |line: &&str| line.split_whitespace().skip(1).take(2).any(|address| address.ends_with(&port));
    Ok(table.lines().filter(to_it).count())
}

#[test]
fn a_promotion_and_a_rollback_under_load_fail_no_request() -> Result<()> {
    let place = Place::new()?;
    let server = place.serve()?;
    server.apply(&one_point_per_dollar(), "live")?;
    let key = server.write_key("live")?;
    let (acknowledged, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let (epochs, told, connected) = thread::scope(|scope| -> Result<_> {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (server, key, acknowledged, over) = (&server, &key, &acknowledged, &over);
                scope
                    .spawn(move || self::client(server, key, &format!("client-{client}"), acknowledged, over))
            })
            .collect();
        let changed = changes(&server, &place, &acknowledged);
        let connected = connections(&server);
        over.store(true, Ordering::Release);
        let mut told = BTreeMap::new();
        for client in clients {
            told.extend(client.join().map_err(|_| anyhow!("a client failed"))??);
        }
        Ok((changed?, told, connected?))
    })?;
    let requests = told.len() / BATCH;
    ensure!(connected < requests / 4, "{connected} connections for {requests} requests: they are not kept");

    let mut by_epoch: BTreeMap<u64, (usize, i64)> = BTreeMap::new();
    let mut by_user: BTreeMap<&str, i64> = BTreeMap::new();
    for event in told.values() {
        let sum = by_epoch.entry(event.epoch).or_default();
        *sum = (sum.0 + 1, sum.1 + event.points);
        *by_user.entry(&event.user).or_default() += event.points;
    }
    assert_eq!(
        by_epoch.keys().copied().collect::<Vec<_>>(),
        epochs,
        "load under all three, and under nothing else"
    );
    for (epoch, each) in epochs.into_iter().zip([40, 80, 40]) {
        let (events, points) = by_epoch[&epoch];
        assert_eq!(points, i64::try_from(events)? * each, "under epoch {epoch}");
    }
    for (user, sum) in by_user {
        assert_eq!(points(&server, user)?, Some(sum), "{user} has the sum of what each revision gave");
    }

    // What is recorded is what was told: each event once, under that revision.
    let mut recorded = BTreeMap::new();
    for record in Admin::new(&server)?.list("/environments/live/events")? {
        if record["kind"] == "track" {
            let id = record["message_id"].as_str().context("it has an id")?.to_owned();
            let epoch = record["epoch"].as_u64().context("it has an epoch")?;
            ensure!(recorded.insert(id, epoch).is_none(), "recorded twice: {record}");
        }
    }
    let told: BTreeMap<String, u64> = told.into_iter().map(|(id, event)| (id, event.epoch)).collect();
    assert_eq!(recorded, told);
    verified(&server)?;
    server.stop()
}
