//! Putting a backup in the place of an environment's tables, in one transaction.

use std::{collections::BTreeMap, fs::File, io::Read, path::Path, pin::pin, time::Duration};

use bytes::Bytes;
use futures_util::SinkExt;
use jiff::Timestamp;
use store::{
    Error, RegistryRow, Restorable, Stream,
    encoding::{array, hex, time, unhex},
};

use crate::{
    backend,
    backup::{self, Manifest, kind},
    copied,
    fault::{Fault, Result, damaged, file},
    pool::{Lease, quoted},
    registry::{self, Entry},
    schema,
    session::Session,
    tables::{
        erasures,
        head::{self, Head},
        identity,
    },
    writing::erase,
};

/// How long to wait for connections of the environment that are being closed.
const LEAVING: Duration = Duration::from_secs(5);

/// Whether a backup could be restored: it is whole, and this environment's. What can be known of it before.
pub(crate) async fn look(session: &Session, name: &str, from: &Path) -> store::Result<Restorable> {
    let manifest = backup::read(from)?;
    let known = registry::environment(session, name).await.map_err(Fault::told_of_control)?;
    fitting(name, known.as_ref(), &manifest)?;
    let told = |fault: Fault| fault.told_of(name, "reading a backup");
    let environment = array(&unhex(&manifest.environment).unwrap_or_default())?;
    Ok(Restorable {
        environment,
        secrets: copied::secrets(&backup::table_file(from, "secret")).map_err(told)?,
    })
}

/// The steps that make the tables as they were when this environment's backup was taken.
fn fitting(name: &str, known: Option<&Entry>, manifest: &Manifest) -> store::Result<&'static [&'static str]> {
    if manifest.name != name || known.is_some_and(|entry| hex(&entry.row.id) != manifest.environment) {
        return Err(Error::Unrestorable(format!(
            "it is one of environment `{}` ({}), not of {name}; a backup goes back into its own environment only",
            manifest.name,
            manifest.environment,
            name = named(name, known.is_some()),
        )));
    }
    known.map_or(Ok(()), |entry| entry.row.is_here())?;
    schema::STORE.get(..manifest.schema).ok_or_else(|| {
        Error::Unrestorable(format!(
            "it has schema {}, this greenroom knows up to {}; restore it with a newer greenroom",
            manifest.schema,
            schema::STORE.len()
        ))
    })
}

/// Restores. Answers the new incarnation.
pub(crate) async fn run(lease: &mut Lease, name: &str, from: &Path, at: Timestamp) -> store::Result<u64> {
    let manifest = backup::read(from)?;
    lease.dirty();
    let outcome = replace(lease, name, &manifest, from, at).await;
    let told = |fault: Fault| fault.told_installing(&format!("environment `{name}`"), "restoring a backup");
    match outcome {
        Ok(incarnation) => {
            lease.commit().await.map_err(told)?;
            Ok(incarnation)
        }
        Err(fault) => {
            let _ = lease.rollback().await;
            Err(told(fault))
        }
    }
}

async fn replace(
    session: &Session,
    name: &str,
    manifest: &Manifest,
    from: &Path,
    at: Timestamp,
) -> Result<u64> {
    schema::begin(session).await?;
    session
        .plain("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = '10min'")
        .await?;
    let known = registry::environment(session, name).await?;
    let steps = fitting(name, known.as_ref(), manifest)?;
    let (entry, before) = match known {
        Some(entry) if entry.row.making => return Err(backend::unfinished(name).into()),
        Some(entry) => {
            nobody_else(session, &entry).await?;
            let before = before(session, &entry).await?;
            session
                .plain(&format!("DROP SCHEMA {0} CASCADE; CREATE SCHEMA {0}", quoted(&entry.schema)))
                .await?;
            (entry, before)
        }
        None => (backend::make(session, row_of(manifest, at)?).await?, Before::default()),
    };
    // The tables as they were when the backup was taken, filled, then brought to today's.
    schema::migrate(session, &entry.schema, steps, &entry.schema).await?;
    fill(session, manifest, from).await?;
    schema::migrate(session, &entry.schema, schema::STORE, &entry.schema).await?;
    schema::grant(session, &entry.schema, &entry.role).await?;

    let identity =
        identity::read(session).await?.ok_or_else(|| damaged("the backup", "it has no identity"))?;
    if hex(&identity.id) != manifest.environment
        || identity.name != manifest.name
        || kind(identity.live) != manifest.kind
    {
        return Err(damaged("the backup", "its tables and its manifest name different environments"));
    }
    let head = head::read(session).await?;
    let incarnation = head.incarnation.max(before.incarnation) + 1;
    head::write(session, Head { incarnation, ..head }).await?;
    session.query("SELECT setval('feed_no', $1)", &[&manifest.feed_no.max(before.feed_no)]).await?;
    erase::again(session, &before.erasures).await?;
    Ok(incarnation)
}

/// An environment in words; there may be none of that name.
fn named(name: &str, known: bool) -> String {
    if known { format!("this `{name}`") } else { format!("`{name}`, which does not exist here") }
}

fn row_of(manifest: &Manifest, made_at: Timestamp) -> Result<RegistryRow> {
    let id = unhex(&manifest.environment).unwrap_or_default();
    let (name, live) = (manifest.name.clone(), manifest.kind == kind(true));
    Ok(RegistryRow { id: array(&id)?, name, live, made_at, making: false, elsewhere: None })
}

/// Waits until no other process is connected as the environment's role.
pub(crate) async fn nobody_else(session: &Session, entry: &Entry) -> Result<()> {
    let begun = std::time::Instant::now();
    loop {
        // Read anew at each call within a transaction only after this.
        session.plain("SELECT pg_stat_clear_snapshot()").await?;
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE usename = $1";
        let there: i64 = session.query_opt(sql, &[&entry.role]).await?.map_or(Ok(0), |row| row.try_get(0))?;
        if there == 0 {
            return Ok(());
        }
        if begun.elapsed() > LEAVING {
            return Err(Error::Refused(format!(
                "{there} connections of other processes are using environment `{}`; close it in all of them first",
                entry.row.name
            ))
            .into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What outlives a restore.
#[derive(Default)]
struct Before {
    incarnation: u64,
    feed_no: i64,
    erasures: Vec<(Stream, Timestamp)>,
}

/// Reads that from the tables that are there. They may be the damaged ones that are being replaced: what
/// cannot be read is left out, and said.
async fn before(session: &Session, entry: &Entry) -> Result<Before> {
    session.plain(&format!("SET LOCAL search_path TO {}", quoted(&entry.schema))).await?;
    let mut before = Before::default();
    session.plain("SAVEPOINT looking").await?;
    let looked = async {
        let incarnation = head::read(session).await?.incarnation;
        let row = session.query_opt("SELECT last_value FROM feed_no", &[]).await?;
        Ok::<_, Fault>((incarnation, row.map_or(Ok(0), |row| row.try_get(0))?))
    };
    match looked.await {
        Ok((incarnation, feed_no)) => (before.incarnation, before.feed_no) = (incarnation, feed_no),
        Err(fault) => unreadable(session, &entry.row.name, "its incarnation", fault).await?,
    }
    match erasures::list(session).await {
        Ok(listed) => {
            let latest: BTreeMap<Stream, i64> = listed.into_iter().map(|(of, at, _)| (of, at)).collect();
            for (stream, at) in latest {
                before.erasures.push((stream, time(at)?));
            }
        }
        Err(fault) => unreadable(session, &entry.row.name, "its list of erasures", fault).await?,
    }
    session.plain("RELEASE SAVEPOINT looking").await?;
    Ok(before)
}

async fn unreadable(session: &Session, environment: &str, what: &str, fault: Fault) -> Result<()> {
    let error = fault.told_of(environment, "reading what is to be replaced");
    tracing::error!(environment, %error, "{what} cannot be read and is not taken over");
    session.plain("ROLLBACK TO SAVEPOINT looking").await
}

/// Fills the empty tables.
async fn fill(session: &Session, manifest: &Manifest, from: &Path) -> Result<()> {
    let there = backup::tables(session).await?;
    let listed: Vec<&String> = manifest.tables.iter().map(|table| &table.name).collect();
    if there.iter().collect::<Vec<_>>() != listed {
        return Err(damaged("the backup", "it does not hold the tables of its schema"));
    }
    for name in &there {
        let path = backup::table_file(from, name);
        let failed = |e| file("reading", &path, e);
        let mut rows = File::open(&path).map_err(failed)?;
        let sql = format!("COPY {} FROM STDIN (FORMAT binary)", quoted(name));
        let sink = session.client().copy_in::<_, Bytes>(&sql).await?;
        let mut sink = pin!(sink);
        loop {
            let mut part = vec![0; 1 << 16];
            let read = rows.read(&mut part).map_err(failed)?;
            if read == 0 {
                break;
            }
            part.truncate(read);
            sink.send(Bytes::from(part)).await?;
        }
        sink.finish().await?;
    }
    Ok(())
}
