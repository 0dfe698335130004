//! HAProxy before three nodes, with the very file that operators are given.

use std::{
    fs::File,
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use xtask::{greenroom::Greenroom, process, workspace};

use super::{
    load::Load,
    place::{Nodes, stop},
};
use crate::place::{points, two_points_from_thirty, verified};

const CLIENTS: usize = 6;
/// So many batches between any two things that happen.
const SOME: usize = 60;
const READY_WITHIN: Duration = Duration::from_secs(20);

/// HAProxy, running. Killed when dropped.
struct Proxy {
    child: Child,
    collector: String,
    admin: String,
}

impl Proxy {
    fn start(nodes: &Nodes) -> Result<Self> {
        let free = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
        let [collector, admin] = [free[0].local_addr()?.to_string(), free[1].local_addr()?.to_string()];
        drop(free);
        let log = File::create(nodes.file("haproxy.log"))?;
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(workspace::root().join("deploy/haproxy/haproxy.cfg"));
        command.env("GREENROOM_COLLECTOR", &collector).env("GREENROOM_ADMIN", &admin);
        for (no, address) in (1..).zip(&nodes.addresses) {
            command
                .env(format!("GREENROOM_NODE_{no}"), address)
                .env(format!("GREENROOM_ADMIN_{no}"), address);
        }
        // Whoever runs the tests may not be allowed to become somebody else.
        for (variable, asked) in [("GREENROOM_PROXY_USER", "-un"), ("GREENROOM_PROXY_GROUP", "-gn")] {
            command.env(variable, process::output(Command::new("id").arg(asked))?.trim());
        }
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().context("starting haproxy; `cargo xtask test` installs it")?;
        let url = |address: &str| format!("http://{address}");
        let proxy = Self { child, collector: url(&collector), admin: url(&admin) };
        let give_up = Instant::now() + READY_WITHIN;
        while status(&proxy.admin, "/readyz")? != Some(200) {
            ensure!(Instant::now() < give_up, "{}", std::fs::read_to_string(nodes.file("haproxy.log"))?);
            thread::sleep(Duration::from_millis(50));
        }
        Ok(proxy)
    }
}

/// What a path is answered with; `None` when nobody is there.
fn status(url: &str, path: &str) -> Result<Option<u16>> {
    match ureq::get(format!("{url}{path}")).config().http_status_as_error(false).build().call() {
        Ok(answer) => Ok(Some(answer.status().as_u16())),
        Err(ureq::Error::Io(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a node has taken any event in.
fn has_taken_events(node: &Greenroom) -> Result<bool> {
    let token = std::fs::read_to_string(node.folder().join("admin.token"))?;
    let request = ureq::get(format!("{}/metrics", node.collector()?));
    let mut answer = request.header("Authorization", format!("Bearer {}", token.trim())).call()?;
    let text = answer.body_mut().read_to_string()?;
    let taken = text
        .lines()
        .find_map(|line| line.strip_prefix("greenroom_ingest_bytes_total{environment=\"live\"} "));
    Ok(taken.is_some_and(|bytes| bytes != "0"))
}

/// Promotes the other program through the proxy.
fn promote(proxy: &Proxy, node: &Greenroom, load: &Load) -> Result<()> {
    let token = std::fs::read_to_string(node.folder().join("admin.token"))?;
    let mut command = node.command(&[
        "apply",
        &two_points_from_thirty().to_string_lossy(),
        "--to",
        "live",
        "--allow-delete",
    ]);
    command.args(["--auto-approve", "--output", "json"]);
    command.env("GREENROOM_SERVER", &proxy.admin).env("GREENROOM_TOKEN", token.trim());
    let applied: Value = serde_json::from_str(&process::output(&mut command)?)?;
    load.epoch.store(applied["epoch"].as_u64().context("an epoch")?, Ordering::Release);
    Ok(())
}

#[test]
fn nodes_come_and_go_behind_a_proxy_and_no_order_is_lost_or_doubled() -> Result<()> {
    let nodes = Nodes::new(3)?;
    let (mut running, key) = nodes.begin()?;
    let proxy = Proxy::start(&nodes)?;
    let urls = [&*proxy.collector];
    let clients: Vec<(&[&str], String)> =
        (0..CLIENTS).map(|no| (&urls[..], format!("client-{no}"))).collect();
    let load = Load::resting(Duration::from_millis(10));
    let orders = load.while_happens(&clients, &key, || {
        load.more(SOME)?;
        for node in &running {
            ensure!(has_taken_events(node)?, "{} gets nothing", node.folder().display());
        }
        running.remove(2).kill()?;
        load.more(SOME)?;
        running.remove(1).stop()?;
        load.more(SOME)?;
        running.push(nodes.serve(1)?);
        load.more(SOME)?;
        promote(&proxy, &running[0], &load)?;
        load.more(SOME)?;
        running.push(nodes.serve(2)?);
        load.more(SOME)?;
        // Whoever made the change goes, too.
        running.remove(0).kill()?;
        load.more(SOME)?;
        running.insert(0, nodes.serve(0)?);
        load.more(SOME)
    })?;
    for (user, count) in &orders {
        for node in &running {
            assert_eq!(points(node, user)?, Some(*count), "{user}: each order once");
        }
    }
    verified(&running[0])?;
    let outside = status(&proxy.collector, "/admin/v1/environments")?;
    assert_eq!(outside, Some(404), "the admin API is not where everybody is");
    assert_eq!(status(&proxy.admin, "/admin/v1/environments")?, Some(401));
    stop(running)
}
