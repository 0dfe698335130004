//! Which stores the file names: `[store]` for most environments, `[environments.NAME.store]` for one.

use std::ops::Range;

use super::table::{Faults, Reader};
use crate::store::{OwnStore, Place, StoreConfig};

/// Connections of an environment to a database.
const CONNECTIONS: std::ops::RangeInclusive<u64> = 1..=1_000;
/// Shards that a database's tables may be distributed over: there are no more buckets than that.
const SHARDS: std::ops::RangeInclusive<u64> = 1..=1_024;

fn is_database(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// `[store]`.
pub(super) fn main(mut table: Reader<'_, '_>, config: &mut StoreConfig, faults: &mut Faults<'_>) {
    config.url = table.text("url", faults).and_then(|(url, span)| {
        let fits = is_database(&url);
        if !fits {
            faults.add(&span, "`url` must be a database, like postgres://USER:PASSWORD@HOST:PORT/DATABASE");
        } else if let Err(error) = store_postgres::check_url(&url) {
            faults.add(&span, format!("`url`: {error}"));
        }
        fits.then_some(url)
    });
    of_database(&mut table, &mut config.postgres, faults);
    let options = &mut config.sqlite;
    let bytes = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    if let Some(n) = table.number("file_bytes_max", 1 << 20..=1 << 50, faults) {
        options.file_bytes_max = Some(n);
    }
    if let Some(n) = table.number("writer_cache_bytes", 1 << 20..=1 << 31, faults) {
        options.writer_cache_bytes = bytes(n);
    }
    if let Some(n) = table.number("reader_cache_bytes", 1 << 18..=1 << 31, faults) {
        options.reader_cache_bytes = bytes(n);
    }
    if let Some(n) = table.number("readers", 1..=64, faults) {
        options.readers = usize::try_from(n).unwrap_or(usize::MAX);
    }
    if let Some(n) = table.number("log_bytes", 1 << 20..=1 << 36, faults) {
        options.log_bytes = n;
    }
    table.finish(faults);
}

/// What can be said of a database.
fn of_database(table: &mut Reader<'_, '_>, options: &mut store_postgres::Options, faults: &mut Faults<'_>) {
    if let Some(n) = table.number("connections_max", CONNECTIONS, faults) {
        options.connections_max = usize::try_from(n).unwrap_or(usize::MAX);
    }
    if let Some(n) = table.number("distributed_over", SHARDS, faults) {
        options.distributed_over = u16::try_from(n).ok();
    }
}

/// `[environments]`, after `[store]`.
pub(super) fn own(table: &Reader<'_, '_>, config: &mut StoreConfig, faults: &mut Faults<'_>) {
    for mut environment in table.tables(faults) {
        let name = environment.name;
        if let Err(why) = store::encoding::check_name(name) {
            faults.add(&environment.place, why.to_string());
        }
        if let Some(store) = environment.table.table("store", faults) {
            if let Some(own) = one(store, &environment.place, config, faults) {
                config.environments.insert(name.to_owned(), own);
            }
        } else if environment.table.take("store").is_none() {
            faults.add(
                &environment.place,
                format!("nothing is said of `{name}`; name its store under [environments.{name}.store]"),
            );
        }
        environment.table.finish(faults);
    }
}

/// The store of one environment.
fn one(
    mut table: Reader<'_, '_>,
    place: &Range<usize>,
    config: &StoreConfig,
    faults: &mut Faults<'_>,
) -> Option<OwnStore> {
    let url = table.text("url", faults);
    // One that is no text has been told of.
    if url.is_none() && table.take("url").is_none() {
        faults.add(
            place,
            "a store needs a `url`: postgres://USER:PASSWORD@HOST:PORT/DATABASE or sqlite:FOLDER",
        );
    }
    let at = url.and_then(|(url, span)| match Place::parse(&url) {
        Ok(at) => {
            if let Place::Database(url) = &at
                && let Err(error) = store_postgres::check_url(url)
            {
                faults.add(&span, format!("`url`: {error}"));
            }
            Some((at, span))
        }
        Err(error) => {
            faults.add(&span, format!("`url`: {error}"));
            None
        }
    });
    // As many connections as elsewhere, unless something else is said. How tables are distributed is each database's own.
    let mut postgres = store_postgres::Options { distributed_over: None, ..config.postgres.clone() };
    if let Some((Place::Folder(_), _)) = &at {
        for name in ["connections_max", "distributed_over"] {
            if let Some(field) = table.take(name) {
                faults.add(&field.span(), format!("`{name}` is for a database, and `url` names a folder"));
            }
        }
    } else {
        of_database(&mut table, &mut postgres, faults);
    }
    table.finish(faults);
    let (at, span) = at?;
    if let (Place::Database(url), Some(main)) = (&at, &config.url)
        && url == main
    {
        faults.add(
            &span,
            "`url` is that of [store], which keeps every environment that has no entry: leave it out",
        );
        return None;
    }
    Some(OwnStore { at, postgres })
}

#[cfg(test)]
mod tests {
    use super::super::ServerConfig;
    use crate::store::Place;

    #[test]
    fn environments_have_stores_of_their_own() {
        let text = r#"
[store]
connections_max = 4
distributed_over = 32
[environments.live.store]
url = "postgresql://greenroom:hush@db-1/live"
connections_max = 16
distributed_over = 64
[environments.uat.store]
url = "postgres://greenroom:hush@db-2/uat"
[environments.sand-box.store]
url = "sqlite:/var/lib/greenroom-sandbox"
"#;
        let config =
            ServerConfig::parse(text).map_err(|faults| format!("{faults:?}")).expect("no faults").store;
        assert_eq!((config.url, config.postgres.distributed_over), (None, Some(32)));
        let told: Vec<_> = config
            .environments
            .iter()
            .map(|(name, own)| {
                (name.as_str(), own.at.clone(), own.postgres.connections_max, own.postgres.distributed_over)
            })
            .collect();
        let database = |url: &str| Place::Database(url.to_owned());
        assert_eq!(
            told,
            [
                ("live", database("postgresql://greenroom:hush@db-1/live"), 16, Some(64)),
                ("sand-box", Place::Folder("/var/lib/greenroom-sandbox".into()), 4, None),
                ("uat", database("postgres://greenroom:hush@db-2/uat"), 4, None),
            ]
        );
        assert!(!format!("{told:?}").contains("hush"), "a password is not shown");
    }

    #[test]
    fn faults_are_told_with_their_places() {
        let live = "[environments.live.store]\n";
        for (text, expected) in [
            ("environment = 1".to_owned(), "1:1: unknown field `environment`; did you mean `environments`?"),
            (
                "environments = 1".to_owned(),
                "1:16: `environments` must be a table (`[environments]`), not an integer",
            ),
            ("[environments]\nlive = 1".to_owned(), "2:8: `live` must be a table, not an integer"),
            (
                "[environments.live]".to_owned(),
                "1:15: nothing is said of `live`; name its store under [environments.live.store]",
            ),
            ("[environments.live.stor]".to_owned(), "1:15: nothing is said of `live`"),
            (
                "[environments.live]\nstore = 'x'".to_owned(),
                "2:9: `store` must be a table (`[store]`), not a string",
            ),
            ("[environments.\"Li ve\".store]\nurl = 'sqlite:x'".to_owned(), "1:15: "),
            (
                live.to_owned(),
                "1:15: a store needs a `url`: postgres://USER:PASSWORD@HOST:PORT/DATABASE or sqlite:FOLDER",
            ),
            (format!("{live}url = 5"), "2:7: `url` must be a text in quotes, not an integer"),
            (format!("{live}url = 'mysql://root:hush@h/d'"), "2:7: `url`: `mysql` is not a store"),
            (
                "[store]\nurl = 'postgres://u:hush@h:x/d'".to_owned(),
                "2:7: `url`: refused: this is not the URL of a",
            ),
            (
                format!("{live}url = 'postgres://u:hush@h:x/d'"),
                "2:7: `url`: refused: this is not the URL of a",
            ),
            (
                format!("{live}url = 'postgres://u:p@hush@h/d'"),
                "2:7: `url`: refused: this is not the URL of a",
            ),
            (format!("{live}url = 'sqlite:'"), "2:7: `url`: `sqlite:` names no folder"),
            (format!("{live}ulr = 'sqlite:x'"), "1:15: a store needs a `url`"),
            (
                format!("{live}url = 'sqlite:x'\nconnections_max = 3"),
                "3:19: `connections_max` is for a database",
            ),
            (
                format!("{live}url = 'postgres://u@h/d'\nconnections_max = 0"),
                "3:19: `connections_max` must be a whole number from 1 to 1000",
            ),
            (
                format!("{live}url = 'postgres://u@h/d'\ndistributed_over = 2_000"),
                "3:20: `distributed_over` must be a whole number from 1 to 1024",
            ),
            (format!("{live}url = 'postgres://u@h/d'\nreaders = 3"), "3:1: unknown field `readers`"),
            (
                format!("[store]\nurl = 'postgres://u:hush@h/d'\n{live}url = 'postgres://u:hush@h/d'"),
                "4:7: `url` is that of [store]",
            ),
        ] {
            let faults = ServerConfig::parse(&text).map(|_| ()).expect_err(&text);
            let told = faults[0].to_string();
            assert!(told.starts_with(expected), "{text}\n{told}\n{expected}");
            assert!(!told.contains("hush"), "a password is repeated: {told}");
        }
        let both = ServerConfig::parse(&format!("{live}ulr = 'sqlite:x'")).map(|_| ()).expect_err("faults");
        assert_eq!(
            both[1].to_string(),
            "2:1: unknown field `ulr`; did you mean `url`? Allowed here: `connections_max`, `distributed_over`, `url`"
        );
    }
}
