//! The configuration file's fields.

use std::{net::SocketAddr, time::Duration};

use server::{Environments, Limits, ListenerConfig, Serves};
use toml::de::{DeTable, DeValue};

use super::{
    LogForm, ServerConfig, listener,
    table::{Fault, Faults, Reader, a},
};
use crate::suggest;

/// The longest name of a node.
const NODE_MAX: usize = 100;

/// Reads the whole file.
pub(super) fn config(text: &str) -> Result<ServerConfig, Vec<Fault>> {
    let mut faults = Faults::new(text);
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            faults.add(&error.span().unwrap_or(0..0), format!("this is not TOML: {}", error.message()));
            return Err(faults.found);
        }
    };
    let mut config = ServerConfig::default();
    let mut root = Reader::new(table.get_ref());
    config.data = root.text("data", &mut faults).map(|(path, _)| path.into());
    config.backups = root.text("backups", &mut faults).map(|(path, _)| path.into());
    if let Some((node, span)) = root.text("node", &mut faults) {
        if node.trim().is_empty() || node.len() > NODE_MAX {
            faults.add(&span, format!("`node` must have 1 to {NODE_MAX} characters"));
        }
        config.options.node = node;
    }
    if let Some(seconds) = root.number("drain_seconds", 0..=3_600, &mut faults) {
        config.drain = Duration::from_secs(seconds);
    }
    if let Some(log) = root.table("log", &mut faults) {
        self::log(log, &mut config, &mut faults);
    }
    if let Some(limits) = root.table("limits", &mut faults) {
        self::limits(limits, &mut config, &mut faults);
    }
    if let Some(store) = root.table("store", &mut faults) {
        super::stores::main(store, &mut config.store, &mut faults);
    }
    if let Some(environments) = root.table("environments", &mut faults) {
        super::stores::own(&environments, &mut config.store, &mut faults);
    }
    if let Some(field) = root.take("listener") {
        match field.get_ref() {
            DeValue::Array(tables) if !tables.is_empty() => {
                config.listeners = tables
                    .iter()
                    .filter_map(|one| match one.get_ref() {
                        DeValue::Table(table) => {
                            let missing = one.span();
                            Some(self::one(Reader::new(table), &missing, &mut faults))
                        }
                        other => {
                            faults.add(
                                &one.span(),
                                format!("a listener is a table (`[[listener]]`), not {}", a(other)),
                            );
                            None
                        }
                    })
                    .collect();
                twice(&config.listeners, &field.span(), &mut faults);
            }
            _ => faults.add(&field.span(), "`listener` is a list of tables; write each as `[[listener]]`"),
        }
    }
    root.finish(&mut faults);
    faults.found.sort();
    if faults.found.is_empty() { Ok(config) } else { Err(faults.found) }
}

fn twice(listeners: &[ListenerConfig], span: &std::ops::Range<usize>, faults: &mut Faults<'_>) {
    for (i, one) in listeners.iter().enumerate() {
        if one.address.port() != 0 && listeners.iter().take(i).any(|other| other.address == one.address) {
            faults.add(span, format!("two listeners have the address {}", one.address));
        }
    }
}

fn log(mut table: Reader<'_, '_>, config: &mut ServerConfig, faults: &mut Faults<'_>) {
    if let Some((form, span)) = table.text("form", faults) {
        match form.as_str() {
            "text" => config.log_form = LogForm::Text,
            "json" => config.log_form = LogForm::Json,
            other => faults.add(&span, suggest::unknown("form of logs", other, &["text", "json"])),
        }
    }
    if let Some((level, span)) = table.text("level", faults) {
        match level.parse::<tracing_subscriber::filter::EnvFilter>() {
            Ok(_) => config.log_level = level,
            Err(error) => faults.add(
                &span,
                format!(
                    "`level` is not understood ({error}); write it like info, warn or \"info,access=off\""
                ),
            ),
        }
    }
    table.finish(faults);
}

fn limits(mut table: Reader<'_, '_>, config: &mut ServerConfig, faults: &mut Faults<'_>) {
    let options = &mut config.options;
    let mut set = |name, range, to: &mut usize| {
        if let Some(number) = table.number(name, range, faults) {
            *to = usize::try_from(number).unwrap_or(usize::MAX);
        }
    };
    set("queue_items_max", 1..=10_000_000, &mut options.queue_items_max);
    set("queue_bytes_max", 1 << 20..=1 << 36, &mut options.queue_bytes_max);
    set("batch_items_max", 1..=100_000, &mut options.batch_items_max);
    set("profiles_cached_max", 0..=100_000_000, &mut options.profiles_cached_max);
    table.finish(faults);
}

fn one(mut table: Reader<'_, '_>, place: &std::ops::Range<usize>, faults: &mut Faults<'_>) -> ListenerConfig {
    let mut config = listener(super::ADDRESS);
    match table.text("address", faults) {
        Some((text, span)) => match text.parse::<SocketAddr>() {
            Ok(address) => config.address = address,
            Err(_) => faults.add(
                &span,
                format!("`{text}` is not an address; write it like 127.0.0.1:7780 or [::1]:7780"),
            ),
        },
        None => faults.add(place, "a listener needs an `address`, like \"127.0.0.1:7780\""),
    }
    if let Some(words) = words(&mut table, "serves", faults) {
        config.serves = Serves { collector: false, admin: false };
        for (word, span) in words {
            match word.as_str() {
                "collector" => config.serves.collector = true,
                "admin" => config.serves.admin = true,
                other => {
                    faults.add(&span, suggest::unknown("thing to serve", other, &["collector", "admin"]));
                }
            }
        }
    }
    environments(&mut table, &mut config, faults);
    if let Some((url, span)) = table.text("public_url", faults) {
        if url.starts_with("https://") || url.starts_with("http://") {
            config.public_url = Some(url.trim_end_matches('/').to_owned());
        } else {
            faults.add(&span, "`public_url` begins with https:// (or http://)");
        }
    }
    config.limits = bounds(&mut table, config.limits, faults);
    table.finish(faults);
    config
}

fn bounds(table: &mut Reader<'_, '_>, mut limits: Limits, faults: &mut Faults<'_>) -> Limits {
    if let Some(n) = table.number("connections_max", 1..=1_000_000, faults) {
        limits.connections_max = usize::try_from(n).unwrap_or(usize::MAX);
    }
    let mut seconds = |name, to: &mut Duration| {
        if let Some(n) = table.number(name, 1..=3_600, faults) {
            *to = Duration::from_secs(n);
        }
    };
    seconds("header_timeout_seconds", &mut limits.header_timeout);
    seconds("body_timeout_seconds", &mut limits.body_timeout);
    seconds("drain_timeout_seconds", &mut limits.drain_timeout);
    limits
}

/// A list of texts that is not empty.
fn words(
    table: &mut Reader<'_, '_>,
    name: &'static str,
    faults: &mut Faults<'_>,
) -> Option<Vec<(String, std::ops::Range<usize>)>> {
    let field = table.take(name)?;
    let words: Option<Vec<_>> = match field.get_ref() {
        DeValue::Array(items) if !items.is_empty() => items
            .iter()
            .map(|item| item.get_ref().as_str().map(|word| (word.to_owned(), item.span())))
            .collect(),
        _ => None,
    };
    if words.is_none() {
        faults.add(&field.span(), format!("`{name}` must be a list of texts, like [\"one\", \"two\"]"));
    }
    words
}

fn environments(table: &mut Reader<'_, '_>, config: &mut ListenerConfig, faults: &mut Faults<'_>) {
    const WORDS: [&str; 3] = ["all", "live", "test"];
    let Some(field) = table.take("environments") else { return };
    match field.get_ref() {
        DeValue::String(word) => match word.as_ref() {
            "all" => config.environments = Environments::All,
            "live" => config.environments = Environments::Live,
            "test" => config.environments = Environments::Test,
            other => {
                let what = suggest::unknown("choice of environments", other, &WORDS);
                faults.add(&field.span(), format!("{what}, or a list of names"));
            }
        },
        _ => {
            if let Some(names) = words(table, "environments", faults) {
                config.environments = Environments::Named(names.into_iter().map(|(name, _)| name).collect());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_file() {
        let config = config(
            r#"
data = "/var/lib/greenroom"
node = "shop-2"
drain_seconds = 10
[log]
form = "json"
level = "warn,access=off"
[[listener]]
address = "0.0.0.0:8080"
serves = ["collector"]
environments = "live"
public_url = "https://events.example.com/"
connections_max = 4_096
[[listener]]
address = "127.0.0.1:7780"
environments = ["uat", "staging"]
drain_timeout_seconds = 5
[limits]
queue_items_max = 1_000
[store]
url = "postgres://greenroom:hush@db/greenroom?sslmode=verify-full"
connections_max = 4
readers = 4
"#,
        )
        .expect("no faults");
        assert_eq!(config.data.as_deref(), Some(std::path::Path::new("/var/lib/greenroom")));
        assert_eq!((config.options.node.as_str(), config.drain), ("shop-2", Duration::from_secs(10)));
        assert_eq!((config.log_form, config.log_level.as_str()), (LogForm::Json, "warn,access=off"));
        let [public, inside] = config.listeners.as_slice() else { panic!("two listeners") };
        assert_eq!(public.serves, Serves { collector: true, admin: false });
        assert_eq!(public.environments, Environments::Live);
        assert_eq!(public.public_url.as_deref(), Some("https://events.example.com"));
        assert_eq!(public.limits.connections_max, 4096);
        assert_eq!(inside.serves, Serves { collector: true, admin: true });
        assert_eq!(inside.environments, Environments::Named(vec!["uat".into(), "staging".into()]));
        assert_eq!(inside.limits.drain_timeout, Duration::from_secs(5));
        assert_eq!((config.options.queue_items_max, config.store.sqlite.readers), (1000, 4));
        let url = "postgres://greenroom:hush@db/greenroom?sslmode=verify-full";
        assert_eq!((config.store.url.as_deref(), config.store.postgres.connections_max), (Some(url), 4));
    }

    #[test]
    fn an_empty_file_is_all_defaults() {
        let config = config("").expect("no faults");
        assert_eq!(config.listeners.len(), 1);
        assert_eq!(config.listeners[0].address, super::super::ADDRESS);
    }

    #[test]
    fn every_fault_is_told_with_its_place() {
        let faults = config(
            "dat = \"x\"\n[log]\nform = \"jsn\"\nlevel = 3\n[[listener]]\nadress = \"127.0.0.1:1\"\nserves = [\"admn\"]\nenvironments = \"life\"\n[limits]\nqueue_items_max = 0\n[store]\nurl = \"sqlite:x\"\n",
        )
        .map(|_| ())
        .expect_err("faults");
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        for (got, expected) in told.iter().zip([
            "1:1: unknown field `dat`; did you mean `data`?",
            "3:8: unknown form of logs `jsn`; did you mean `json`?",
            "4:9: `level` must be a text in quotes, not an integer",
            "5:1: a listener needs an `address`",
            "6:1: unknown field `adress`; did you mean `address`?",
            "7:11: unknown thing to serve `admn`; did you mean `admin`?",
            "8:16: unknown choice of environments `life`; did you mean `live`?",
            "10:19: `queue_items_max` must be a whole number from 1 to 10000000",
            "12:7: `url` must be a database, like postgres://USER:PASSWORD@HOST:PORT/DATABASE",
        ]) {
            assert!(got.starts_with(expected), "{got}\n{expected}");
        }
        assert_eq!(told.len(), 9, "{told:#?}");
        for (text, expected) in [
            ("data = ", "1:8: this is not TOML"),
            ("node = ''", "1:8: `node` must have 1 to 100 characters"),
            ("drain_seconds = -1", "1:17: `drain_seconds` must be a whole number from 0 to 3600"),
            ("[[listener]]\naddress = \"here\"", "2:11: `here` is not an address"),
            ("listener = 5", "1:12: `listener` is a list of tables"),
        ] {
            let faults = config(text).map(|_| ()).expect_err("faults");
            assert!(faults[0].to_string().starts_with(expected), "{}", faults[0]);
        }
    }
}
