//! The `OpenMetrics` text format: families in order, each with its help, samples with escaped labels.

use std::{
    collections::BTreeMap,
    fmt::{self, Display, Write as _},
};

/// Metric families by name.
#[derive(Debug, Default)]
pub(crate) struct Metrics(BTreeMap<&'static str, Family>);

/// Samples of one name.
#[derive(Debug)]
pub(crate) struct Family {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    samples: String,
}

impl Metrics {
    /// A number that only grows; samples end in `_total`.
    pub(crate) fn counter(&mut self, name: &'static str, help: &'static str) -> &mut Family {
        self.family(name, "counter", help)
    }

    /// A number that goes up and down.
    pub(crate) fn gauge(&mut self, name: &'static str, help: &'static str) -> &mut Family {
        self.family(name, "gauge", help)
    }

    /// How a measure is distributed; samples end in `_bucket`, `_sum`, `_count`.
    pub(crate) fn histogram(&mut self, name: &'static str, help: &'static str) -> &mut Family {
        self.family(name, "histogram", help)
    }

    fn family(&mut self, name: &'static str, kind: &'static str, help: &'static str) -> &mut Family {
        self.0.entry(name).or_insert_with(|| Family { name, kind, help, samples: String::new() })
    }
}

impl Family {
    /// Adds a sample.
    pub(crate) fn sample(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) -> &mut Self {
        // Writing into a string does not fail.
        let _ = write!(self.samples, "{}{suffix}{{", self.name);
        for (i, (label, text)) in labels.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.samples, "{comma}{label}=\"{text}\"");
        }
        let _ = writeln!(self.samples, "}} {value}");
        self
    }
}

impl Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for family in self.0.values() {
            let Family { name, kind, help, samples } = family;
            // An info metric's name ends before `_info`.
            let kind = if samples.starts_with(&format!("{name}_info{{")) { "info" } else { kind };
            write!(f, "# TYPE {name} {kind}\n# HELP {name} {help}\n{samples}")?;
        }
        f.write_str("# EOF\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_whole_and_labels_escaped() {
        let mut metrics = Metrics::default();
        metrics.gauge("b", "Second.").sample("", &[], 1);
        metrics.counter("a", "First.").sample("_total", &[("type", "say \"hi\"\\\n")], 2);
        metrics.gauge("b", "Second.").sample("", &[("x", "y"), ("z", "")], 0.5);
        assert_eq!(
            metrics.to_string(),
            "# TYPE a counter\n# HELP a First.\na_total{type=\"say \\\"hi\\\"\\\\\\n\"} 2\n\
             # TYPE b gauge\n# HELP b Second.\nb{} 1\nb{x=\"y\",z=\"\"} 0.5\n# EOF\n"
        );
    }
}
