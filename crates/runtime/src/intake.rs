//! The bounded queue before the batches. Full means: say so now, take nothing, hold no memory.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use engine::Command;
use jiff::Timestamp;
use ledger::ProfileId;
use tokio::sync::{mpsc, oneshot};

use crate::{Error, Result, batch::Item, command::Ordered, ingest::ItemOutcome};

/// Something to decide.
pub(crate) enum Work {
    /// Items of one request.
    Items { items: Vec<Item>, reply: oneshot::Sender<Result<Vec<ItemOutcome>>> },
    /// An order.
    Order {
        profile: ProfileId,
        command: Box<Command>,
        idempotency_key: Option<String>,
        reply: oneshot::Sender<Result<Ordered>>,
    },
    /// Profiles to bring up to date: under the newest manifest, and with what is due until then done.
    Wake { profiles: Vec<(ProfileId, Timestamp)>, reply: oneshot::Sender<Result<()>> },
    /// Quarantined events (by message key) to decide again.
    Release { messages: Vec<[u8; 16]>, reply: oneshot::Sender<Result<Vec<ItemOutcome>>> },
}

impl Work {
    /// How many decisions it asks for, roughly.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Items { items, .. } => items.len(),
            Self::Order { .. } => 1,
            Self::Wake { profiles, .. } => profiles.len(),
            Self::Release { messages, .. } => messages.len(),
        }
    }
}

/// The way in.
pub(crate) struct Intake {
    environment: String,
    sender: Mutex<Option<mpsc::UnboundedSender<(Work, Held)>>>,
    load: Arc<Load>,
}

struct Load {
    items: AtomicUsize,
    bytes: AtomicUsize,
    items_max: usize,
    bytes_max: usize,
}

/// Room taken in the queue, given back when dropped.
pub(crate) struct Held {
    load: Arc<Load>,
    items: usize,
    bytes: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.load.items.fetch_sub(self.items, Ordering::AcqRel);
        self.load.bytes.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

/// The way out, held by the batch task.
pub(crate) type Queue = mpsc::UnboundedReceiver<(Work, Held)>;

/// Makes a queue. The channel is unbounded, the load before it is not.
pub(crate) fn channel(environment: String, items_max: usize, bytes_max: usize) -> (Intake, Queue) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let load =
        Arc::new(Load { items: AtomicUsize::new(0), bytes: AtomicUsize::new(0), items_max, bytes_max });
    (Intake { environment, sender: Mutex::new(Some(sender)), load }, receiver)
}

/// What a full queue tells its clients: batches take milliseconds, so a second is plenty.
const RETRY_AFTER_SECONDS: u32 = 1;

impl Intake {
    /// Puts work into the queue, or says at once that there is no room. One piece of work always fits into
    /// an empty queue.
    pub(crate) fn offer(&self, work: Work, bytes: usize) -> Result<()> {
        let held = self.reserve(work.size(), bytes)?;
        self.put(work, held)
    }

    /// Takes room, before the work is made that will fill it.
    pub(crate) fn reserve(&self, items: usize, bytes: usize) -> Result<Held> {
        let held = Held { load: Arc::clone(&self.load), items, bytes };
        let items_before = self.load.items.fetch_add(items, Ordering::AcqRel);
        let bytes_before = self.load.bytes.fetch_add(bytes, Ordering::AcqRel);
        let full = (items_before > 0 && items_before + items > self.load.items_max)
            || (bytes_before > 0 && bytes_before + bytes > self.load.bytes_max);
        if full {
            return Err(Error::Overloaded {
                environment: self.environment.clone(),
                retry_after_seconds: RETRY_AFTER_SECONDS,
            });
        }
        Ok(held)
    }

    /// Puts work into the room it has taken.
    pub(crate) fn put(&self, work: Work, held: Held) -> Result<()> {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        sender
            .as_ref()
            .and_then(|sender| sender.send((work, held)).ok())
            .ok_or_else(|| Error::Stopping(self.environment.clone()))
    }

    /// Takes nothing more.
    pub(crate) fn close(&self) {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Items waiting.
    pub(crate) fn waiting(&self) -> usize {
        self.load.items.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wake(n: usize) -> Work {
        let (reply, _) = oneshot::channel();
        Work::Wake { profiles: vec![(ProfileId([0; 16]), Timestamp::UNIX_EPOCH); n], reply }
    }

    #[test]
    fn full_is_said_at_once_and_room_comes_back() {
        let (intake, mut queue) = channel("t".into(), 10, 1_000);
        assert!(intake.offer(wake(20), 10).is_ok(), "anything fits into an empty queue");
        assert!(matches!(intake.offer(wake(1), 10), Err(Error::Overloaded { .. })));
        assert_eq!(intake.waiting(), 20, "a refusal holds nothing");
        drop(queue.try_recv());
        assert!(intake.offer(wake(9), 990).is_ok());
        assert!(matches!(intake.offer(wake(1), 11), Err(Error::Overloaded { .. })), "bytes count too");
        assert!(intake.offer(wake(1), 10).is_ok());
        intake.close();
        drop(queue.try_recv());
        assert!(matches!(intake.offer(wake(1), 1), Err(Error::Stopping(_))));
    }
}
