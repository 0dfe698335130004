//! What the collector has seen: bytes, and seconds until an answer was durable.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::text::Metrics;

/// Upper bounds of the buckets, in seconds.
const SECONDS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// Counts by environment, shared by all listeners.
#[derive(Debug, Default)]
pub struct Traffic(Mutex<BTreeMap<String, Counted>>);

#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    bytes: u64,
    buckets: [u64; SECONDS.len()],
    requests: u64,
    seconds: f64,
}

impl Traffic {
    /// A request whose events are durable.
    pub(crate) fn ingested(&self, environment: &str, bytes: usize, took: Duration) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !counted.contains_key(environment) {
            counted.insert(environment.to_owned(), Counted::default());
        }
        let Some(counted) = counted.get_mut(environment) else { return };
        let seconds = took.as_secs_f64();
        counted.bytes += bytes as u64;
        counted.requests += 1;
        counted.seconds += seconds;
        if let Some(bucket) = SECONDS.iter().position(|bound| seconds <= *bound) {
            counted.buckets[bucket] += 1;
        }
    }

    pub(super) fn write(&self, environment: &str, metrics: &mut Metrics) {
        let counted = {
            let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            counted.get(environment).copied().unwrap_or_default()
        };
        let label = ("environment", environment);
        metrics.counter("greenroom_ingest_bytes", "Bytes of events taken in, inflated.").sample(
            "_total",
            &[label],
            counted.bytes,
        );
        let family = metrics
            .histogram("greenroom_ingest_seconds", "From a request's header to its events being durable.");
        let mut below = 0;
        for (bound, count) in SECONDS.iter().zip(counted.buckets) {
            below += count;
            family.sample("_bucket", &[label, ("le", &bound.to_string())], below);
        }
        family.sample("_bucket", &[label, ("le", "+Inf")], counted.requests);
        family.sample("_sum", &[label], counted.seconds);
        family.sample("_count", &[label], counted.requests);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_add_up() {
        let traffic = Traffic::default();
        for millis in [1, 4, 4, 9_000] {
            traffic.ingested("live", 100, Duration::from_millis(millis));
        }
        let mut metrics = Metrics::default();
        traffic.write("live", &mut metrics);
        let text = metrics.to_string();
        for line in [
            "greenroom_ingest_bytes_total{environment=\"live\"} 400",
            "greenroom_ingest_seconds_bucket{environment=\"live\",le=\"0.001\"} 1",
            "greenroom_ingest_seconds_bucket{environment=\"live\",le=\"0.005\"} 3",
            "greenroom_ingest_seconds_bucket{environment=\"live\",le=\"2.5\"} 3",
            "greenroom_ingest_seconds_bucket{environment=\"live\",le=\"+Inf\"} 4",
            "greenroom_ingest_seconds_count{environment=\"live\"} 4",
        ] {
            assert!(text.lines().any(|got| got == line), "{line} is not in\n{text}");
        }
    }
}
