//! The figures as Markdown.

use std::fmt::Write;

use super::{load::Load, nodes, ours::Figures};

/// The table. Ratios are to the hand-rolled baseline, when there is one.
pub(super) fn print(
    hand_rolled: Option<f64>,
    insert: f64,
    ours: &Figures,
    nodes: Option<&nodes::Figures>,
) -> String {
    let mut text = String::new();
    let ratio = |rate: f64| hand_rolled.map_or("–".to_owned(), |base| format!("{:.1}×", rate / base));
    // Writing to a text cannot fail.
    let _ = writeln!(
        text,
        "| way | events/s | ratio | p50 ms | p99 ms | CPU µs an event | events a core-second |"
    );
    let _ = writeln!(text, "| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    if let Some(rate) = hand_rolled {
        let name = "hand-rolled, PostgreSQL, one transaction an event";
        let _ = writeln!(text, "| {name} | {} | 1.0× | | | | |", whole(rate));
    }
    let mut rows = |name: &str, loads: &[Load]| {
        for load in loads {
            let cpu = load.cpu_us_per_event;
            let _ = writeln!(
                text,
                "| {name}, {} a POST, {} connections | {} | {} | {:.1} | {:.1} | {cpu:.1} | {} |",
                load.per_post,
                load.connections,
                whole(load.events_per_second),
                ratio(load.events_per_second),
                load.p50_ms,
                load.p99_ms,
                whole(1e6 / cpu),
            );
        }
    };
    rows("greenroom", &ours.loads);
    if let Some(nodes) = nodes {
        rows("greenroom over PostgreSQL, one node", &nodes.one);
        rows("greenroom over PostgreSQL, two nodes", &nodes.two);
    }
    let _ = writeln!(
        text,
        "| bare SQLite insert, 1,000 rows a transaction | {} | {} | | | | |",
        whole(insert),
        ratio(insert)
    );
    let refused: u64 = ours.loads.iter().map(|load| load.refused).sum();
    let _ = writeln!(text);
    let _ = writeln!(text, "| | |\n| --- | ---: |");
    for (what, pace) in [("verify, records", &ours.verified), ("rehearsal, events", &ours.rehearsed)] {
        let _ = writeln!(text, "| {what}/s | {} |", whole(pace.per_second));
        let _ = writeln!(text, "| {what} a core-second | {} |", whole(pace.per_core_second));
    }
    let _ = writeln!(text, "| memory, idle | {} |", megabytes(ours.idle_bytes));
    let _ = writeln!(text, "| memory, after the load | {} |", megabytes(ours.loaded_bytes));
    let _ = writeln!(text, "| memory, at its highest | {} |", megabytes(ours.peak_bytes));
    let _ = writeln!(text, "| bytes on disk an event | {} |", whole(ours.disk_bytes_per_event));
    if let Some(nodes) = nodes {
        let bytes = whole(nodes.disk_bytes_per_event);
        let _ = writeln!(text, "| bytes in PostgreSQL an event, indexes and dead rows too | {bytes} |");
    }
    let _ = write!(text, "| POSTs answered with 429 and sent again | {refused} |");
    text
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes / 1_000_000)
}

/// With a comma between thousands.
fn whole(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{super::ours::Pace, *};

    #[test]
    fn thousands() {
        for (number, expected) in [(0.4, "0"), (999.0, "999"), (1000.0, "1,000"), (1_234_567.8, "1,234,568")]
        {
            assert_eq!(whole(number), expected);
        }
    }

    #[test]
    fn ratios_are_to_the_hand_rolled_one() {
        let load = Load {
            per_post: 100,
            connections: 16,
            events_per_second: 30_000.0,
            p50_ms: 1.0,
            p99_ms: 2.0,
            cpu_us_per_event: 40.0,
            refused: 3,
        };
        let slower = Load { events_per_second: 9_000.0, ..load.clone() };
        let nodes =
            nodes::Figures { one: vec![slower.clone()], two: vec![slower], disk_bytes_per_event: 1.0 };
        let ours = Figures {
            loads: vec![load],
            idle_bytes: 40_000_000,
            peak_bytes: 2,
            loaded_bytes: 1,
            disk_bytes_per_event: 700.0,
            verified: Pace { per_second: 50_000.0, per_core_second: 30_000.0 },
            rehearsed: Pace { per_second: 40_000.0, per_core_second: 35_000.0 },
        };
        let table = print(Some(3_000.0), 300_000.0, &ours, Some(&nodes));
        assert!(table.contains(
            "| greenroom, 100 a POST, 16 connections | 30,000 | 10.0× | 1.0 | 2.0 | 40.0 | 25,000 |"
        ));
        assert!(table.contains("| bare SQLite insert, 1,000 rows a transaction | 300,000 | 100.0× |"));
        for many in ["one node", "two nodes"] {
            let row =
                format!("| greenroom over PostgreSQL, {many}, 100 a POST, 16 connections | 9,000 | 3.0× |");
            assert!(table.contains(&row), "{table}");
        }
        assert!(table.contains("| verify, records/s | 50,000 |\n| verify, records a core-second | 30,000 |"));
        assert!(print(None, 1.0, &ours, None).contains("| 30,000 | – |"));
    }
}
