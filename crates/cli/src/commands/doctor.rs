//! `greenroom doctor`.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Result;
use serde_json::{Value, json};
use store::{Finding, Health};
use store_sqlite::Anchored;

use super::serve::{MASTER_KEY_FILE, MASTER_KEY_VARIABLE, has_environments};
use crate::{
    client::{ADMIN_TOKEN_FILE, Serving},
    config::ServerConfig,
    context::Context,
    exit::Exit,
    store::{Place, Store, StoreConfig},
};

/// Check the data folder, the stores, the machine and the server, and say what to do
///
/// What is looked at is what `serve` with the same options would serve. Nothing is made or changed.
#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    store: Store,
    /// The server's configuration file: it says where the data folder and the stores are
    #[arg(long, env = "GREENROOM_CONFIG", hide_env_values = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Doctor {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let mut config = ServerConfig::of(self.config.as_deref())?;
        config.store.url = self.store.store.or(config.store.url);
        if let Some(data) = config.data {
            context.global.data = data;
        }
        let data = context.global.data.clone();
        let mut findings = folder(&data);
        findings.push(clock());
        findings.extend(stores(&config.store)?);
        findings.extend(server(context, &data));
        tell(context, &findings)
    }
}

/// What holds for every folder with data in it.
fn folder(data: &Path) -> Vec<Finding> {
    if !data.is_dir() {
        let help =
            format!("`greenroom serve --data {}` makes it, or name another with --data", data.display());
        return vec![Finding::mind("data folder", format!("{} is not there", data.display()), help)];
    }
    let mut findings = permissions(data);
    findings.extend(master_key(data));
    findings.extend([space(data), sync(data)]);
    findings.extend(anchors(data));
    findings
}

/// The database that keeps most environments, and what others are kept in.
fn stores(config: &StoreConfig) -> Result<Vec<Finding>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut findings = Vec::new();
    if let Some(url) = &config.url {
        findings.extend(runtime.block_on(store_postgres::examined(url, &config.postgres)));
    }
    for (names, own) in config.owns() {
        let found = match &own.at {
            Place::Database(url) => runtime.block_on(store_postgres::examined(url, &own.postgres)),
            Place::Folder(folder) if folder.is_dir() => {
                let mut found = vec![space(folder), sync(folder)];
                found.extend(anchors(folder));
                found
            }
            Place::Folder(folder) => {
                let help = "the first start makes it, unless it has been in use: then put it back";
                vec![Finding::mind("data folder", format!("{} is not there", folder.display()), help)]
            }
        };
        let named = |one: Finding| {
            let found = format!("store of {}: {}", names.join(", "), one.found);
            Finding { found, ..one }
        };
        findings.extend(found.into_iter().map(named));
    }
    Ok(findings)
}

fn tell(context: &mut Context, findings: &[Finding]) -> Result<Exit> {
    let ill = findings.iter().any(|finding| finding.health == Health::Ill);
    let value = json!({
        "healthy": !ill,
        "findings": findings.iter().map(form).collect::<Vec<_>>(),
    });
    context.show(&value, |out| {
        for Finding { what, health, found, help } in findings {
            let mark = match health {
                Health::Well => "ok   ",
                Health::Mind => "mind ",
                Health::Ill => "ILL  ",
            };
            writeln!(out, "{mark}{what}: {found}")?;
            if let Some(help) = help {
                writeln!(out, "     → {help}")?;
            }
        }
        Ok(())
    })?;
    Ok(if ill { Exit::Failed } else { Exit::Done })
}

fn form(finding: &Finding) -> Value {
    let state = match finding.health {
        Health::Well => "well",
        Health::Mind => "mind",
        Health::Ill => "ill",
    };
    json!({"what": finding.what, "state": state, "found": finding.found, "help": finding.help})
}

fn permissions(data: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (what, path, wanted) in [
        ("data folder", data.to_owned(), 0o700),
        ("master key", data.join(MASTER_KEY_FILE), 0o600),
        ("administrator's token", data.join(ADMIN_TOKEN_FILE), 0o600),
    ] {
        let shown = path.display();
        if what == "master key" && !path.exists() && std::env::var_os(MASTER_KEY_VARIABLE).is_some() {
            findings.push(Finding::well(what, format!("{MASTER_KEY_VARIABLE} has it")));
            continue;
        }
        if what == "master key" && !path.exists() && has_environments(data) {
            findings.push(Finding::ill(
                what,
                format!("{shown} is gone, though the folder has been in use: no server starts without it"),
                format!("put the file back, or set {MASTER_KEY_VARIABLE}"),
            ));
            continue;
        }
        findings.push(match fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Finding::mind(
                what,
                format!("{shown} is not there"),
                "the first server over a store makes it; one that came later has none, and if it was moved away on \
                 purpose, all is well",
            ),
            Err(error) => Finding::ill(what, format!("{shown}: {error}"), "mend its permissions"),
            Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => Finding::ill(
                what,
                format!("others may read {shown} ({:o})", metadata.permissions().mode() & 0o777),
                format!("chmod {wanted:o} {shown}"),
            ),
            Ok(_) => Finding::well(what, format!("{shown} is its owner's alone")),
        });
    }
    findings
}

/// Whether the master key is one, where there is any.
fn master_key(data: &Path) -> Option<Finding> {
    let there = data.join(MASTER_KEY_FILE).exists() || std::env::var_os(MASTER_KEY_VARIABLE).is_some();
    let error = there.then(|| super::serve::folder::master_key_there(&[data]))?.err()?;
    Some(Finding::ill("master key", format!("{error:#}"), "put the key back: no server starts with this one"))
}

fn space(data: &Path) -> Finding {
    const LEAST: u64 = 1 << 30;
    match rustix::fs::statvfs(data) {
        Err(error) => Finding::ill("disk", error.to_string(), "look at the file system"),
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let found = format!("{} MB free", free >> 20);
            if free < LEAST {
                Finding::ill("disk", found, "free some space: events are refused when it is full")
            } else {
                Finding::well("disk", found)
            }
        }
    }
}

/// How long a small synced write takes: it bounds how fast anything can be acknowledged.
fn sync(data: &Path) -> Finding {
    const ROUNDS: u32 = 20;
    const SLOW: Duration = Duration::from_millis(20);
    let path = data.join("doctor.tmp");
    let measure = || -> std::io::Result<Duration> {
        let mut file = fs::File::create(&path)?;
        let begun = Instant::now();
        for _ in 0..ROUNDS {
            file.write_all(&[0; 4096])?;
            file.sync_data()?;
        }
        Ok(begun.elapsed() / ROUNDS)
    };
    let measured = measure();
    let _ = fs::remove_file(&path);
    match measured {
        Err(error) => Finding::ill("sync", error.to_string(), "the data folder must be writable"),
        Ok(each) if each > SLOW => Finding::mind(
            "sync",
            format!("{:.1} ms a synced write", each.as_secs_f64() * 1e3),
            "every acknowledgement waits for one: a faster disk answers faster",
        ),
        Ok(each) => Finding::well("sync", format!("{:.2} ms a synced write", each.as_secs_f64() * 1e3)),
    }
}

fn clock() -> Finding {
    let now = jiff::Timestamp::now();
    // Nobody runs this before it was written.
    if now.as_second() < 1_750_000_000 {
        return Finding::ill("clock", format!("it is said to be {now}"), "set the machine's clock");
    }
    Finding::well("clock", format!("{}", now.strftime("%Y-%m-%d %H:%M:%SZ")))
}

/// Whether each data file is as new as what was acknowledged.
fn anchors(data: &Path) -> Vec<Finding> {
    let found = match store_sqlite::anchored(data) {
        Ok(found) => found,
        Err(error) => {
            return vec![Finding::ill("anchor", error.to_string(), "mend its permissions")];
        }
    };
    found
        .into_iter()
        .map(|(name, anchored)| match anchored {
            Anchored::Agrees => Finding::well("anchor", format!("{name} is as new as what was acknowledged")),
            Anchored::Unknown => Finding::mind(
                "anchor",
                format!("nothing says how far {name} had come"),
                "it is written again once the environment is served; until then an older copy would go unnoticed",
            ),
            Anchored::Not(error) => Finding::ill(
                "anchor",
                format!("{name}: {error}"),
                "put the newest files back, or restore a backup: `greenroom restore --stopped`",
            ),
        })
        .collect()
}

fn server(context: &Context, data: &Path) -> Vec<Finding> {
    if context.global.server.is_none() && matches!(Serving::read(data), Ok(None)) {
        let held = match fs::File::open(data.join("lock")) {
            Ok(lock) => {
                rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err()
            }
            Err(_) => false,
        };
        return vec![if held {
            let found = "the folder is locked, but nobody says where they listen";
            Finding::mind("server", found, "it may be starting or stopping; look again in a moment")
        } else {
            let help = format!("start it with `greenroom serve --data {}`", data.display());
            Finding::mind("server", "not running", help)
        }];
    }
    let client = match context.client() {
        Ok(client) => client,
        // A node that came later has made no administrator, and no token's file.
        Err(error) if !data.join(ADMIN_TOKEN_FILE).exists() => {
            let help = "to look at it as well, name an administrator's token (GREENROOM_TOKEN)";
            return vec![Finding::mind("server", format!("it runs, but {error:#}"), help)];
        }
        Err(error) => return vec![Finding::ill("server", format!("{error:#}"), "see above")],
    };
    match client.readiness() {
        Err(error) => {
            vec![Finding::ill("server", format!("{error:#}"), "look at its log")]
        }
        Ok(ready) => {
            let status = crate::output::text::at(&ready, "/status");
            let mut findings = vec![if status == "ok" {
                Finding::well("server", "it answers, and is ready")
            } else {
                let found = format!("it answers that it is {status}");
                Finding::ill("server", found, "what is in the way stands below, or in its log")
            }];
            let environments =
                ready.get("environments").and_then(Value::as_array).cloned().unwrap_or_default();
            for environment in environments {
                let name = crate::output::text::at(&environment, "/name");
                findings.push(if environment.get("ready").and_then(Value::as_bool).unwrap_or(false) {
                    Finding::well("environment", format!("{name} is ready"))
                } else {
                    let why = crate::output::text::at(&environment, "/why");
                    let help = "look at the server's log; `greenroom verify` tells what does not hold";
                    Finding::ill("environment", format!("{name} is not ready: {why}"), help)
                });
            }
            findings
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_doors_are_ill_and_say_what_to_do() -> Result<()> {
        let room = tempfile::tempdir()?;
        fs::write(room.path().join(MASTER_KEY_FILE), "x")?;
        fs::set_permissions(room.path(), fs::Permissions::from_mode(0o700))?;
        fs::set_permissions(room.path().join(MASTER_KEY_FILE), fs::Permissions::from_mode(0o644))?;
        let states: Vec<Health> = permissions(room.path()).iter().map(|finding| finding.health).collect();
        assert_eq!(states, [Health::Well, Health::Ill, Health::Mind]);
        let help = permissions(room.path()).swap_remove(1).help.unwrap_or_default();
        assert!(help.starts_with("chmod 600"), "{help}");
        let told = master_key(room.path()).expect("that is no key");
        assert!(told.health == Health::Ill && told.found.contains("64 hexadecimal digits"), "{}", told.found);
        fs::remove_file(room.path().join(MASTER_KEY_FILE))?;
        assert_eq!(permissions(room.path())[1].health, Health::Mind, "a new folder has none yet");
        fs::create_dir_all(room.path().join("environments/live"))?;
        assert_eq!(permissions(room.path())[1].health, Health::Ill, "a used one is of no use without it");
        assert_ne!(sync(room.path()).health, Health::Ill);
        assert!(!room.path().join("doctor.tmp").exists());
        Ok(())
    }
}
