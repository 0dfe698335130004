//! Carrying rows over, page by page; while one page is put, the next is read.

use std::sync::Arc;

use store::{Carried, CarriedRecord, Cursor, Environment, Making, Record, Stream};
use tokio::task::JoinHandle;

use super::{Stage, tally::Tally};
use crate::{Error, Result, hashed::Hasher, history::rebuild::Rebuilder};

/// Rows read at once.
const PAGE: usize = 2_000;

/// Reads everything that an environment carries, and tallies it.
pub(super) struct Reader {
    store: Arc<dyn Environment>,
    reading: Option<JoinHandle<Result<Read>>>,
    /// Of what has been given out so far.
    pub(super) tally: Tally,
}

struct Read {
    rows: Vec<Carried>,
    next: Option<Cursor>,
    tally: Tally,
}

impl Reader {
    pub(super) fn of(store: &Arc<dyn Environment>) -> Self {
        let mut reader = Self { store: Arc::clone(store), reading: None, tally: Tally::default() };
        reader.read(None, Tally::default());
        reader
    }

    fn read(&mut self, after: Option<Cursor>, mut tally: Tally) {
        let store = Arc::clone(&self.store);
        self.reading = Some(tokio::spawn(async move {
            let page = store.carry(after, PAGE).await?;
            for row in &page.rows {
                tally.add(row);
            }
            Ok(Read { rows: page.rows, next: page.next, tally })
        }));
    }

    /// The next rows; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Carried>>> {
        let Some(reading) = self.reading.take() else { return Ok(None) };
        let ended = reading.await.map_err(|error| Error::Internal(format!("reading rows: {error}")))?;
        let Read { rows, next, tally } = ended?;
        self.tally = tally.clone();
        if next.is_some() {
            self.read(next, tally);
        }
        Ok(Some(rows))
    }
}

/// What an environment carries, tallied.
pub(super) async fn tally(store: &Arc<dyn Environment>) -> Result<Tally> {
    let mut reader = Reader::of(store);
    while reader.next().await?.is_some() {}
    Ok(reader.tally)
}

/// Carries everything over. Views of quarantined events are made on the way: their records are not met again.
pub(super) async fn copy(
    source: &Arc<dyn Environment>,
    making: &Arc<dyn Making>,
    records: u64,
    tell: &mut dyn FnMut(Stage, u64, u64),
) -> Result<Tally> {
    let hasher = Hasher::new(&source.identity().directory_key);
    let mut reader = Reader::of(source);
    while let Some(rows) = reader.next().await? {
        let quarantined: Vec<Record> = rows.iter().filter_map(quarantined).collect();
        making.put(rows).await?;
        if !quarantined.is_empty() {
            let mut rebuilder = Rebuilder::new(hasher.clone());
            for record in &quarantined {
                if let Stream::Quarantine(message) = record.stream {
                    rebuilder.quarantine_record(message, record)?;
                }
            }
            for views in rebuilder.finish() {
                making.fill(views).await?;
            }
        }
        tell(Stage::Carrying, reader.tally.count("records"), records);
    }
    Ok(reader.tally)
}

fn quarantined(row: &Carried) -> Option<Record> {
    match row {
        Carried::Record(CarriedRecord { record, .. }) if matches!(record.stream, Stream::Quarantine(_)) => {
            Some(record.clone())
        }
        _ => None,
    }
}
