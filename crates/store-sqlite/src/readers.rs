//! Readers: read-only connections, each on a thread of its own. Short reads share a few of them; long ones
//! (scans, exports, checks, backups) have two to themselves, so that they hold nobody up.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, Mutex, mpsc},
    thread::{self, JoinHandle},
};

use rusqlite::Connection;
use store::Error;
use tokio::sync::oneshot;

use crate::{
    Options, connection,
    fault::{Fault, Result},
};

/// A check reads everything there is, and whoever walks the journal meanwhile need not wait for its end.
const LONG_READERS: usize = 2;

type Work = Box<dyn FnOnce(&Connection) + Send>;

/// Which readers a read goes to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lane {
    Short,
    Long,
}

/// The readers of one environment.
pub(crate) struct Readers {
    short: Option<mpsc::Sender<Work>>,
    long: Option<mpsc::Sender<Work>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    pub(crate) fn start(path: &Path, name: &str, options: &Options) -> Result<Self> {
        let mut threads = Vec::new();
        let mut lane = |label: &str, count: usize| -> Result<mpsc::Sender<Work>> {
            let (send, receive) = mpsc::channel::<Work>();
            let receive = Arc::new(Mutex::new(receive));
            for _ in 0..count {
                let connection = connection::reading(path, options)?;
                let receive = Arc::clone(&receive);
                let thread = thread::Builder::new()
                    .name(format!("{label}-{name}"))
                    .spawn(move || serve(&connection, &receive))
                    .map_err(|e| {
                        Fault::Store(Error::Backend {
                            doing: "starting a reader".to_owned(),
                            source: Box::new(e),
                        })
                    })?;
                threads.push(thread);
            }
            Ok(send)
        };
        let short = lane("read", options.readers.max(1))?;
        let long = lane("scan", LONG_READERS)?;
        Ok(Self { short: Some(short), long: Some(long), threads })
    }

    /// Reads. All that `read` sees is of one moment.
    pub(crate) fn ask<T: Send + 'static>(
        &self,
        lane: Lane,
        read: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> oneshot::Receiver<Result<T>> {
        let (reply, answer) = oneshot::channel();
        let work: Work = Box::new(move |connection| {
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                let moment = connection.unchecked_transaction()?;
                read(&moment)
            }));
            let told = outcome.unwrap_or_else(|_| Err(Fault::Store(Error::Panicked("a read".to_owned()))));
            // Nobody may be waiting any more; then the answer goes nowhere.
            let _ = reply.send(told);
        });
        let to = match lane {
            Lane::Short => &self.short,
            Lane::Long => &self.long,
        };
        if let Some(to) = to {
            // A failed send drops `work` and with it the reply: the caller sees that.
            let _ = to.send(work);
        }
        answer
    }

    /// Ends the threads after what they are doing.
    pub(crate) fn stop(&mut self) {
        self.short = None;
        self.long = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn serve(connection: &Connection, queue: &Mutex<mpsc::Receiver<Work>>) {
    loop {
        let next = match queue.lock() {
            Ok(queue) => queue.recv(),
            Err(_) => return,
        };
        match next {
            Ok(work) => work(connection),
            Err(_) => return,
        }
    }
}
