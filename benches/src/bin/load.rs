//! Sends load to a collector and prints figures as JSON.
//!
//!     load members HOST:PORT KEY
//!     load tracks HOST:PORT KEY EVENTS EVENTS_PER_POST CONNECTIONS SEED
#![allow(clippy::print_stdout, reason = "its figures are read by the chore that runs it")]

use std::{
    cell::RefCell,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use bench::{
    client::{Answer, Client},
    figures::Figures,
    messages::{self, MEMBERS, Tracks},
};
use tokio::task::LocalSet;

/// How long to wait after a 429.
const PAUSE: Duration = Duration::from_millis(5);

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // One thread: it shares the machine with the server that it measures.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut figures = match words[..] {
        ["members", host, key] => runtime.block_on(LocalSet::new().run_until(members(host, key)))?,
        ["tracks", host, key, events, per_post, connections, seed] => {
            let plan = Plan {
                events: events.parse()?,
                per_post: per_post.parse()?,
                connections: connections.parse()?,
                seed: seed.parse()?,
            };
            runtime.block_on(LocalSet::new().run_until(tracks(host, key, plan)))?
        }
        _ => bail!("load members HOST:PORT KEY | load tracks HOST:PORT KEY EVENTS PER_POST CONNECTIONS SEED"),
    };
    println!("{}", figures.json());
    Ok(())
}

/// Makes all members known.
async fn members(host: &str, key: &str) -> Result<Figures> {
    let next = Rc::new(RefCell::new(1_u32..=MEMBERS));
    let run = u64::from(std::process::id());
    send(host, key, 16, move |body| {
        let mut left = next.borrow_mut();
        write_batch(body, left.by_ref().take(100), |member, body| messages::identify(member, run, body))
    })
    .await
}

struct Plan {
    events: u64,
    per_post: u64,
    connections: usize,
    seed: u64,
}

async fn tracks(host: &str, key: &str, plan: Plan) -> Result<Figures> {
    // Lives as long as the program; every connection draws from it.
    let members = Box::leak(Box::new(messages::members()));
    let tracks = RefCell::new(Tracks::new(plan.seed, members));
    let left = RefCell::new(plan.events);
    send(host, key, plan.connections, move |body| {
        let mut left = left.borrow_mut();
        let count = plan.per_post.min(*left);
        *left -= count;
        write_batch(body, 0..count, |_, body| tracks.borrow_mut().write(body))
    })
    .await
}

/// Writes `{"batch":[…]}`; how many items it has.
fn write_batch<T>(
    body: &mut Vec<u8>,
    items: impl Iterator<Item = T>,
    write: impl Fn(T, &mut Vec<u8>),
) -> u64 {
    body.clear();
    body.extend_from_slice(b"{\"batch\":[");
    let mut count = 0;
    for item in items {
        if count > 0 {
            body.push(b',');
        }
        write(item, body);
        count += 1;
    }
    body.extend_from_slice(b"]}");
    count
}

/// Posts what `fill` writes, over so many connections, until it writes nothing.
async fn send(
    host: &str,
    key: &str,
    connections: usize,
    fill: impl Fn(&mut Vec<u8>) -> u64 + 'static,
) -> Result<Figures> {
    let fill = Rc::new(fill);
    let mut clients = Vec::new();
    for _ in 0..connections {
        clients.push(Client::connect(host, key).await?);
    }
    let begin = Instant::now();
    let tasks: Vec<_> = clients
        .into_iter()
        .map(|client| {
            let fill = Rc::clone(&fill);
            tokio::task::spawn_local(drive(client, fill))
        })
        .collect();
    let mut figures = Figures::default();
    for task in tasks {
        let part = task.await.context("a connection's task ended early")??;
        figures.events += part.events;
        figures.refused += part.refused;
        figures.latencies.extend(part.latencies);
    }
    figures.elapsed = begin.elapsed();
    Ok(figures)
}

async fn drive(mut client: Client, fill: Rc<impl Fn(&mut Vec<u8>) -> u64>) -> Result<Figures> {
    let mut figures = Figures::default();
    let mut body = Vec::new();
    loop {
        let count = fill(&mut body);
        if count == 0 {
            return Ok(figures);
        }
        let begin = Instant::now();
        while client.post(&body).await? == Answer::Full {
            figures.refused += 1;
            tokio::time::sleep(PAUSE).await;
        }
        figures.latencies.push(begin.elapsed());
        figures.events += count;
    }
}
