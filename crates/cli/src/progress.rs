//! How far something long is: told often on a terminal, now and then elsewhere.

use std::{
    io::{self, Write},
    time::{Duration, Instant},
};

/// Tells it.
pub(crate) struct Progress {
    begun: Instant,
    told: Instant,
    terminal: bool,
}

impl Progress {
    /// It begins now. `watched`: whether it is told on a terminal.
    pub(crate) fn new(watched: bool) -> Self {
        let now = Instant::now();
        Self { begun: now, told: now, terminal: watched }
    }

    /// Whether a person watches.
    pub(crate) fn is_watched(&self) -> bool {
        self.terminal
    }

    /// Says how far it is, unless that was said a moment ago. `say` is given how many of the `done` there were a
    /// second.
    pub(crate) fn tell(
        &mut self,
        err: &mut dyn Write,
        done: u64,
        say: impl FnOnce(u64) -> String,
    ) -> io::Result<()> {
        let every = if self.terminal { Duration::from_millis(200) } else { Duration::from_secs(10) };
        if self.told.elapsed() < every {
            return Ok(());
        }
        self.told = Instant::now();
        let rate = u128::from(done) * 1000 / self.begun.elapsed().as_millis().max(1);
        let text = say(u64::try_from(rate).unwrap_or(u64::MAX));
        if self.terminal {
            write!(err, "\r\u{1b}[K{text}")?;
            err.flush()
        } else {
            writeln!(err, "{text}")
        }
    }

    /// Leaves the line for others.
    pub(crate) fn end(&self, err: &mut dyn Write) -> io::Result<()> {
        if self.terminal {
            write!(err, "\r\u{1b}[K")?;
            err.flush()?;
        }
        Ok(())
    }
}
