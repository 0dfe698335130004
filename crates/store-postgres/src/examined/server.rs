//! The server: its version, the way to it, its clock, and whether it keeps what it acknowledges.

use std::{net::IpAddr, time::Instant};

use jiff::Timestamp;
use store::Finding;
use tokio_postgres::Row;

use super::{DATABASE, Looked};
use crate::{
    address::{Address, Encryption},
    fault::{Fault, Result, damaged},
    schema,
    session::Session,
};

/// So far apart clocks may be: what a node says of times is its own clock's.
const APART_MICROS: i64 = 1_000_000;

pub(super) async fn look(address: &Address, session: &Session) -> Looked {
    let mut findings = vec![version(address, session).await?];
    findings.push(encryption(address, session).await?);
    findings.extend(durability(&Settings::read(session).await?));
    findings.push(clock(session).await?);
    Ok(findings)
}

/// The one row of a question about the server.
pub(super) async fn row(session: &Session, sql: &'static str) -> Result<Row> {
    session.query_opt(sql, &[]).await?.ok_or_else(|| damaged("the server", "it answers with no row"))
}

async fn version(address: &Address, session: &Session) -> Result<Finding> {
    let version: String = row(session, "SELECT current_setting('server_version')").await?.try_get(0)?;
    let found = format!("{}: PostgreSQL {version}", address.shown);
    match schema::suits(session).await {
        Ok(()) => Ok(Finding::well(DATABASE, found)),
        Err(Fault::Store(error)) => {
            Ok(Finding::ill(DATABASE, format!("{found}: {error}"), "use another server or database"))
        }
        Err(fault) => Err(fault),
    }
}

async fn encryption(address: &Address, session: &Session) -> Result<Finding> {
    const WHAT: &str = "encryption";
    let sql = "SELECT ssl, version, host(inet_server_addr()) FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let row = row(session, sql).await?;
    let (encrypted, version) = (row.try_get::<_, bool>(0)?, row.try_get::<_, Option<String>>(1)?);
    let at: Option<String> = row.try_get(2)?;
    // Without an address it is a socket on this machine.
    let is_here =
        at.is_none_or(|address| address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()));
    let version = version.unwrap_or_else(|| "encrypted".to_owned());
    let verify = "write ?sslmode=verify-full into the URL (and &sslrootcert=FILE for roots of your own)";
    Ok(match (encrypted, is_here, address.encryption) {
        (true, _, Encryption::VerifyFull) => {
            Finding::well(WHAT, format!("{version}, with a certificate that is believed"))
        }
        (true, false, _) => {
            let found = format!("{version}, but nobody looks at the certificate: anybody could answer");
            Finding::mind(WHAT, found, verify)
        }
        (true, true, _) => Finding::well(WHAT, version),
        (false, true, _) => Finding::well(WHAT, "none, and the server is on this machine"),
        (false, false, _) => {
            let help = format!("turn `ssl` on in the server, and {verify}");
            Finding::mind(WHAT, "none: what members do goes over the network as it is", help)
        }
    })
}

/// What keeping rests on.
struct Settings {
    /// Which of those are off that should be on.
    off: Vec<String>,
    /// As our own connections have it, which is better than the server's if that is off.
    synchronous_commit: String,
    writes: Writes,
}

/// Whether anything can be written.
enum Writes {
    Taken,
    Standby,
    ReadOnly,
}

impl Settings {
    async fn read(session: &Session) -> Result<Self> {
        let sql = "SELECT ARRAY(SELECT name FROM pg_settings WHERE setting = 'off'
                       AND name IN ('fsync', 'full_page_writes', 'data_checksums')),
                   current_setting('synchronous_commit'), pg_is_in_recovery(),
                   current_setting('transaction_read_only') = 'on'";
        let row = row(session, sql).await?;
        let writes = match (row.try_get(2)?, row.try_get(3)?) {
            (true, _) => Writes::Standby,
            (false, true) => Writes::ReadOnly,
            (false, false) => Writes::Taken,
        };
        Ok(Self { off: row.try_get(0)?, synchronous_commit: row.try_get(1)?, writes })
    }
}

fn durability(settings: &Settings) -> Vec<Finding> {
    const WHAT: &str = "durability";
    let mut findings = Vec::new();
    let off = |name: &str| settings.off.iter().any(|off| off == name);
    for (setting, loses) in [
        ("fsync", "without it a crash of the machine loses what was acknowledged, or the whole database"),
        ("full_page_writes", "without it a crash of the machine leaves pages that are half old and half new"),
    ] {
        if off(setting) {
            let help = format!("set `{setting} = on` in postgresql.conf and reload the server: {loses}");
            findings.push(Finding::ill(WHAT, format!("`{setting}` is off"), help));
        }
    }
    if ["off", "local"].contains(&settings.synchronous_commit.as_str()) {
        findings.push(Finding::ill(
            WHAT,
            format!("`synchronous_commit` is {} for Greenroom's own connections", settings.synchronous_commit),
            "something between Greenroom and the server (a pooler?) takes back what its connections set; without it a \
             crash loses what was acknowledged",
        ));
    }
    match settings.writes {
        Writes::Taken => {}
        Writes::Standby => findings.push(Finding::ill(
            WHAT,
            "the server is a standby: it takes no writes",
            "name the primary in the URL",
        )),
        Writes::ReadOnly => findings.push(Finding::ill(
            WHAT,
            "transactions are read-only: nothing can be written",
            "look at `default_transaction_read_only` of the server, the database and the role",
        )),
    }
    if findings.is_empty() {
        let found = "what is committed is on disk (fsync, synchronous_commit, full_page_writes)";
        findings.push(Finding::well(WHAT, found));
    }
    if off("data_checksums") {
        findings.push(Finding::mind(
            WHAT,
            "pages and indexes have no checksums",
            "stop the server and run `pg_checksums --enable`, so that a bit that the disk flips is noticed",
        ));
    }
    findings
}

async fn clock(session: &Session) -> Result<Finding> {
    let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
    // Once before, so that what is measured is one question.
    row(session, sql).await?;
    let asked = Instant::now();
    let theirs: i64 = row(session, sql).await?.try_get(0)?;
    let there_and_back = i64::try_from(asked.elapsed().as_micros()).unwrap_or(i64::MAX);
    let ours = Timestamp::now().as_microsecond() - there_and_back / 2;
    Ok(clocks(theirs - ours, there_and_back))
}

/// How far the database's clock is ahead, as far as the time that the question took lets it be known.
fn clocks(ahead_micros: i64, there_and_back_micros: i64) -> Finding {
    const WHAT: &str = "database's clock";
    let apart = ahead_micros.saturating_abs();
    if apart <= APART_MICROS.saturating_add(there_and_back_micros / 2) {
        return Finding::well(WHAT, "it agrees with this machine's");
    }
    let direction = if ahead_micros > 0 { "ahead of" } else { "behind" };
    let seconds = apart / 1_000_000;
    Finding::mind(
        WHAT,
        format!("it is {seconds} s {direction} this machine's"),
        "let both follow the same time (chrony, systemd-timesyncd): what a node decides bears its own machine's time",
    )
}

#[cfg(test)]
mod tests {
    use store::Health;

    use super::*;

    fn settings(off: &[&str], synchronous_commit: &str, writes: Writes) -> Settings {
        Settings {
            off: off.iter().copied().map(str::to_owned).collect(),
            synchronous_commit: synchronous_commit.to_owned(),
            writes,
        }
    }

    #[test]
    fn a_server_that_may_lose_what_it_acknowledged_is_ill() {
        for (settings, health, said) in [
            (settings(&[], "on", Writes::Taken), Health::Well, "on disk"),
            (settings(&[], "remote_apply", Writes::Taken), Health::Well, "on disk"),
            (settings(&["fsync"], "on", Writes::Taken), Health::Ill, "`fsync` is off"),
            (settings(&["full_page_writes"], "on", Writes::Taken), Health::Ill, "`full_page_writes` is off"),
            (settings(&[], "off", Writes::Taken), Health::Ill, "`synchronous_commit` is off"),
            (settings(&[], "local", Writes::Taken), Health::Ill, "is local"),
            (settings(&[], "on", Writes::Standby), Health::Ill, "standby"),
            (settings(&[], "on", Writes::ReadOnly), Health::Ill, "read-only"),
        ] {
            let findings = durability(&settings);
            assert_eq!(findings.len(), 1, "{findings:?}");
            assert_eq!(findings[0].health, health, "{findings:?}");
            assert!(findings[0].found.contains(said), "{findings:?}");
        }
        let without = durability(&settings(&["data_checksums"], "on", Writes::Taken));
        assert_eq!(without.iter().map(|one| one.health).collect::<Vec<_>>(), [Health::Well, Health::Mind]);
    }

    #[test]
    fn clocks_that_are_apart_are_told_of() {
        for (ahead, took, health, said) in [
            (0, 0, Health::Well, "agrees"),
            (-900_000, 0, Health::Well, "agrees"),
            (3_000_000, 0, Health::Mind, "3 s ahead of"),
            (-90_000_000, 10, Health::Mind, "90 s behind"),
            // The question took that long: it cannot be told.
            (2_000_000, 3_000_000, Health::Well, "agrees"),
        ] {
            let told = clocks(ahead, took);
            assert!(told.health == health && told.found.contains(said), "{ahead}: {told:?}");
        }
    }
}
