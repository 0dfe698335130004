//! What was measured.

use std::time::Duration;

use serde_json::{Value, json};

/// The figures of one run.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Events sent and acknowledged, those sent twice counted twice.
    pub events: u64,
    /// From the first to the last acknowledgement.
    pub elapsed: Duration,
    /// Of each POST.
    pub latencies: Vec<Duration>,
    /// POSTs that were answered with 429 and sent again.
    pub refused: u64,
}

impl Figures {
    /// The latency that `percent` of all POSTs kept.
    pub fn percentile(&mut self, percent: usize) -> Duration {
        self.latencies.sort_unstable();
        let count = self.latencies.len();
        let place = (count * percent).div_ceil(100).max(1) - 1;
        self.latencies.get(place.min(count.saturating_sub(1))).copied().unwrap_or_default()
    }

    /// For the chore that reads it.
    #[allow(clippy::cast_precision_loss, reason = "figures for people")]
    pub fn json(&mut self) -> Value {
        let seconds = self.elapsed.as_secs_f64();
        json!({
            "events": self.events,
            "seconds": seconds,
            "events_per_second": self.events as f64 / seconds,
            "p50_ms": self.percentile(50).as_secs_f64() * 1e3,
            "p99_ms": self.percentile(99).as_secs_f64() * 1e3,
            "refused": self.refused,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        let latencies = (1..=200).rev().map(Duration::from_millis).collect();
        let mut figures = Figures { latencies, ..Figures::default() };
        assert_eq!(figures.percentile(50), Duration::from_millis(100));
        assert_eq!(figures.percentile(99), Duration::from_millis(198));
        assert_eq!(figures.percentile(100), Duration::from_millis(200));
        assert_eq!(Figures::default().percentile(99), Duration::ZERO);
    }
}
