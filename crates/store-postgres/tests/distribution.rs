//! That the tables can be distributed: every key holds what its table would be distributed by, every statement of a
//! batch names it, and a batch whose members lie together writes nowhere else.
//!
//! None of this runs on several machines. It shows what would make that impossible, or dear.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use ledger::Account;
use store::{
    Environment, Writes, bucket,
    conformance::{
        at,
        batch::{claim, life, must, outbox, profile, sum},
        identity,
    },
};
use testing::{Database, connect};

/// What each table would be distributed by.
const DISTRIBUTED: [(&str, &str); 13] = [
    ("account_sum", "shard"),
    ("audience", "shard"),
    ("counter", "key"),
    ("directory", "key"),
    ("journal", "bucket"),
    ("manifest", "shard"),
    ("membership", "bucket"),
    ("outbox", "bucket"),
    ("profile", "bucket"),
    ("quarantine", "bucket"),
    ("quarantine_stream", "bucket"),
    ("search", "bucket"),
    ("tally", "shard"),
];

/// Small and seldom written: the same everywhere, or on the coordinator alone.
const WHOLE: [&str; 16] = [
    "checkpoint",
    "control",
    "duty",
    "erasure",
    "head",
    "identity",
    "key",
    "migration",
    "node",
    "object",
    "promotion",
    "rehearsal",
    "rehearsal_member",
    "revision",
    "schedule",
    "secret",
];

/// Reads that go through all of a table, or find rows by something else: lists, exports, counts, and looking for what is
/// due or behind. No batch waits for them with rows locked. By the words that follow the table's name.
const EVERYWHERE: [(&str, &str); 29] = [
    ("account_sum", ""),
    ("audience", ""),
    ("counter", ""),
    ("directory", ""),
    ("journal", "WHERE feed > $1 AND feed <= $2"),
    ("journal", "WHERE feed < $1"),
    ("manifest", ""),
    ("membership", ""),
    ("membership", "GROUP BY audience"),
    ("membership", "WHERE audience = $1 AND profile > $2"),
    ("outbox", ""),
    ("outbox", "WHERE (feed, place) < ($1, $2)"),
    ("outbox", "WHERE feed > $1 AND feed <= $2"),
    ("profile", ""),
    ("profile", "GROUP BY manifest"),
    ("profile", "WHERE due_at IS NOT NULL"),
    ("profile", "WHERE due_at IS NOT NULL AND due_at <= $1"),
    ("profile", "WHERE manifest = $1"),
    ("quarantine", ""),
    ("quarantine", "WHERE (at, message) < ($1, $2)"),
    ("quarantine_stream", ""),
    ("quarantine_stream", "WHERE identity = $1"),
    ("search", ""),
    ("search", "WHERE term = $1 AND profile > $2"),
    ("tally", ""),
    // By ranges of buckets, or of buckets and ids.
    ("journal", "WHERE (bucket, stream, n) > ($1, $2, $3) AND bucket < $4"),
    ("profile", "WHERE (bucket, id) > ($1, $2)"),
    // Before anybody is served: the last records of streams that have been put.
    ("journal", "WHERE journal.bucket = u.bucket AND journal.stream = u.stream AND journal.n = u.n - 1"),
    ("journal", "WHERE journal.bucket = u.bucket AND journal.stream = u.stream)"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_unique_key_holds_what_its_table_would_be_distributed_by() {
    let database = Database::make().await;
    database.backend().await.create(identity("one"), at(0)).await.expect("it can be made");
    let schema = database.schema("one").await;
    let client = database.superuser().await;
    let tables = client
        .query("SELECT tablename::text FROM pg_tables WHERE schemaname = $1 ORDER BY 1", &[&schema])
        .await
        .expect("well");
    let tables: Vec<String> = tables.iter().map(|row| row.get(0)).collect();
    let mut said: Vec<&str> = DISTRIBUTED.iter().map(|(table, _)| *table).chain(WHOLE).collect();
    said.sort_unstable();
    assert_eq!(tables, said, "a new table is distributed by something, or is the same everywhere");

    let keys = client
        .query(
            "SELECT t.relname::text, i.relname::text,
                    array(SELECT a.attname::text FROM pg_attribute a
                          WHERE a.attrelid = t.oid AND a.attnum = ANY(x.indkey::smallint[]))
             FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
             WHERE x.indisunique AND t.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1)",
            &[&schema],
        )
        .await
        .expect("well");
    let mut looked_at = 0;
    for row in &keys {
        let (table, index, columns): (&str, &str, Vec<String>) = (row.get(0), row.get(1), row.get(2));
        let Some((_, by)) = DISTRIBUTED.iter().find(|(distributed, _)| *distributed == table) else {
            continue;
        };
        assert!(columns.iter().any(|column| column == by), "{index} of {table} lacks `{by}`: {columns:?}");
        looked_at += 1;
    }
    assert_eq!(looked_at, DISTRIBUTED.len(), "each has one key that is unique");
}

/// The texts in quotes of a source file, with single spaces.
fn texts(source: &str) -> Vec<String> {
    let code: Vec<&str> = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n").replace("'\"'", "").replace("\\\"", "");
    code.split('"')
        .skip(1)
        .step_by(2)
        .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("it reads");
            found.push((path.display().to_string(), text));
        }
    }
}

/// What follows a table's name in a statement, if it is named after one of these words.
fn after<'a>(sql: &'a str, words: &[&str], table: &str) -> Option<&'a str> {
    words.iter().find_map(|word| {
        let rest = sql.split_once(&format!("{word} {table}"))?.1;
        (!rest.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.')).then_some(rest)
    })
}

/// Whether a condition says what the column is.
fn names(sql: &str, table: &str, by: &str) -> bool {
    let is = |from: &str| ["= $", "= k.", "= ANY($"].iter().any(|to| sql.contains(&format!("{from} {to}")));
    is(&format!(" {by}")) || is(&format!(".{by}")) && sql.contains(table)
}

#[test]
fn every_statement_that_writes_or_locks_names_what_its_table_would_be_distributed_by() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let (mut writes, mut reads) = (0, 0);
    let mut everywhere: BTreeMap<(&str, &str), usize> = EVERYWHERE.iter().map(|one| (*one, 0)).collect();
    for (file, source) in &files {
        for sql in texts(source) {
            // A rebuild has the environment to itself.
            if file.ends_with("writing/rebuild.rs")
                && sql.contains("DELETE FROM directory; DELETE FROM profile")
            {
                continue;
            }
            for (table, by) in DISTRIBUTED {
                if let Some(rest) = after(&sql, &["INSERT INTO"], table) {
                    let columns = rest.split(')').next().unwrap_or_default();
                    assert!(columns.split(['(', ',', ' ']).any(|one| one == by), "{file}: {sql}");
                    if let Some((_, key)) = sql.split_once("ON CONFLICT (") {
                        let key = key.split(')').next().unwrap_or_default();
                        assert!(key.split(", ").any(|one| one == by), "{file}: {sql}");
                    }
                    writes += 1;
                } else if after(&sql, &["UPDATE", "DELETE FROM"], table).is_some()
                    || sql.ends_with("FOR UPDATE") && after(&sql, &["FROM"], table).is_some()
                {
                    assert!(names(&sql, table, by), "it would lock or write everywhere: {file}: {sql}");
                    writes += 1;
                } else if let Some(rest) = after(&sql, &["FROM", "JOIN"], table) {
                    if !names(&sql, table, by) {
                        let of = |(of, _): &&(&str, &str)| *of == table;
                        let fits = |(_, words): &&(&str, &str)| {
                            if words.is_empty() {
                                rest.trim().is_empty()
                            } else {
                                rest.trim_start().starts_with(words)
                            }
                        };
                        // The longest, where one is the beginning of another.
                        let one =
                            EVERYWHERE.iter().filter(of).filter(fits).max_by_key(|(_, words)| words.len());
                        let Some(one) = one else { panic!("it would read everywhere: {file}: {sql}") };
                        *everywhere.entry(*one).or_default() += 1;
                    }
                    reads += 1;
                }
            }
        }
    }
    assert!(writes > 25 && reads > 35, "they are found: {writes} that write, {reads} that read");
    let gone: Vec<_> = everywhere.iter().filter(|(_, count)| **count == 0).collect();
    assert!(gone.is_empty(), "said of no statement any more: {gone:?}");
}

/// What a scanner of one's own is worth is what it finds.
#[test]
fn a_statement_that_names_nothing_is_noticed() {
    let sql = &texts(
        "const A: &str = \"DELETE FROM search\n    WHERE term = $1\"; // \"not this\"\n// \"nor this\"",
    );
    assert_eq!(sql[0], "DELETE FROM search WHERE term = $1");
    assert!(!names(&sql[0], "search", "bucket"));
    assert!(after(&sql[0], &["DELETE FROM"], "search").is_some());
    assert!(after("DELETE FROM search_term", &["DELETE FROM"], "search").is_none());
    assert!(names("DELETE FROM search WHERE bucket = $1", "search", "bucket"));
    assert!(!names("SELECT 1 FROM search WHERE buckets = $1", "search", "bucket"));
}

/// With some of everything that can hang on a member, for the first or second time.
fn settled(no: u32, second: bool) -> Writes {
    let id = profile(no);
    let mut writes = life(id, u64::from(second), if second { 2 } else { 1 });
    let write = &mut writes.profiles[0];
    let (found_by, club) = (("email".into(), format!("{no}@example.org")), "club".into());
    if second {
        write.row.manifest = [2; 32];
        write.no_longer_found_by = vec![found_by];
        write.left = vec![club];
    } else {
        write.found_by = vec![found_by];
        write.entered = vec![(club, at(1))];
    }
    writes.outbox = vec![outbox(id, if second { 2 } else { 1 }, 0, "{}")];
    writes.sums = vec![sum("points", Account::Available, 5), sum("points", Account::Issued, -5)];
    writes
}

/// Of several members at once.
fn all(members: &[u32], second: bool) -> Writes {
    let mut all = Writes::default();
    for no in members {
        let Writes { records, profiles, sums, outbox, .. } = settled(*no, second);
        all.records.extend(records);
        all.profiles.extend(profiles);
        all.sums.extend(sums);
        all.outbox.extend(outbox);
    }
    all
}

const SHARDS: u16 = 32;

/// Where PostgreSQL itself says a value of a distribution column lies.
fn part_in_sql(column: &str) -> String {
    let hash = if column == "key" { "hashtext('')".to_owned() } else { format!("hashint2({column})") };
    format!("least(({hash}::bigint + 2147483648) / (4294967296 / {SHARDS}), {SHARDS} - 1)")
}

/// The parts that the last commit has written in, by table.
async fn written(database: &Database) -> BTreeMap<&'static str, Vec<i64>> {
    let schema = database.schema("one").await;
    let client = connect(&database.url).await;
    let last = format!("SELECT max(xmin::text::bigint) FROM \"{schema}\".journal");
    let last: i64 = client.query_one(&last, &[]).await.expect("well").get(0);
    let mut parts = BTreeMap::new();
    for (table, by) in DISTRIBUTED {
        let part = part_in_sql(by);
        let sql = format!(
            "SELECT DISTINCT {part}::bigint FROM \"{schema}\".{table} WHERE xmin::text::bigint = $1 ORDER BY 1"
        );
        let found: Vec<i64> =
            client.query(&sql, &[&last]).await.expect("well").iter().map(|row| row.get(0)).collect();
        if !found.is_empty() {
            parts.insert(table, found);
        }
    }
    parts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_whose_members_lie_together_writes_nowhere_else() {
    let database = Database::make().await;
    let one: Arc<dyn Environment> =
        database.backend_over(SHARDS).await.create(identity("one"), at(0)).await.expect("it can be made");
    let part = |no: u32| one.part(profile(no)).expect("it is distributed");
    let near: Vec<u32> = (1..1_000).filter(|no| part(*no) == part(1)).take(6).collect();
    let far = (1..1_000).find(|no| part(*no) != part(1)).expect("there are 32 parts");
    assert!(near.iter().any(|no| bucket(profile(*no)) != bucket(profile(1))), "of several buckets");
    let here = i64::from(part(1));
    for second in [false, true] {
        must(&one, 0, all(&near[..4], second)).await;
        let written = written(&database).await;
        for (table, parts) in &written {
            assert_eq!(parts, &[here], "{table}");
        }
        // A search term and a membership that are gone have left no row.
        for table in ["journal", "profile", "outbox", "tally", "manifest", "audience", "account_sum"] {
            assert!(written.contains_key(table), "{table} is not in {written:?}");
        }
    }
    // Where they lie apart, or a key of a message is written, nothing is saved.
    must(&one, 0, all(&[near[4], far], false)).await;
    assert_eq!(written(&database).await["profile"].len(), 2);
    must(&one, 0, Writes { claims: vec![claim(1, profile(near[5]), 1)], ..settled(near[5], false) }).await;
    assert!(written(&database).await.contains_key("directory"));
    // However they are spread, they add up.
    let sums = one.sums().await.expect("well");
    assert_eq!(sums.len(), 2, "{sums:?}");
    assert!(sums.iter().all(|(_, _, amount)| amount.abs() == 5 * (4 + 4 + 2 + 1)), "{sums:?}");
    assert_eq!(one.record_count().await.expect("well"), 4 + 4 + 2 + 1);
    assert!(one.check().await.expect("well").is_empty());
    let apart = database.backend().await.open("one").await.expect("well");
    assert_eq!(apart.part(profile(1)), None, "unless it is said");
}

/// As PostgreSQL itself hashes them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_are_those_of_postgresql() {
    let database = Database::make().await;
    let client = database.superuser().await;
    let one =
        database.backend_over(SHARDS).await.create(identity("one"), at(0)).await.expect("it can be made");
    let sql = format!(
        "SELECT {}::bigint FROM generate_series(0, 1023) AS bucket ORDER BY bucket",
        part_in_sql("bucket::smallint")
    );
    let parts: Vec<i64> = client.query(&sql, &[]).await.expect("well").iter().map(|row| row.get(0)).collect();
    for (bucket, part) in (0_u16..).zip(parts) {
        let mut id = profile(1);
        id.0[..2].copy_from_slice(&(bucket << 6).to_be_bytes());
        assert_eq!(one.part(id).map(i64::from), Some(part), "bucket {bucket}");
    }
}
