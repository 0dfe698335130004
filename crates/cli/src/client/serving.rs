//! `serving.json` in the data folder: where the server listens, for the commands that look for it.

use std::{io::Write, net::SocketAddr, path::Path};

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The file's name.
pub(crate) const SERVING_FILE: &str = "serving.json";
/// The first administrator's token.
pub(crate) const ADMIN_TOKEN_FILE: &str = "admin.token";

/// Who serves a data folder, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Serving {
    /// The process.
    pub(crate) pid: u32,
    /// Its version.
    pub(crate) version: String,
    /// Since when.
    pub(crate) since: Timestamp,
    /// `http://…` where events go.
    pub(crate) collector: Option<String>,
    /// `http://…` of the admin API.
    pub(crate) admin: Option<String>,
    /// Where it listens.
    pub(crate) listeners: Vec<ServingListener>,
}

/// One address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServingListener {
    /// As it is: the port was given by the system if 0 was asked for.
    pub(crate) address: SocketAddr,
    /// `collector`, `admin`.
    pub(crate) serves: Vec<String>,
    /// In words.
    pub(crate) environments: String,
}

impl ServingListener {
    /// The address to go to: an unspecified one is reached over loopback.
    pub(crate) fn url(&self) -> String {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        format!("http://{address}")
    }
}

impl Serving {
    /// Reads the file of a folder; `None` when there is none.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(SERVING_FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text)
                .map(Some)
                .with_context(|| format!("{} cannot be read; start the server again", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
        }
    }

    /// Writes it: whoever looks sees the whole file or none.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(SERVING_FILE);
        let new = folder.join(format!("{SERVING_FILE}.new"));
        let doing = || format!("writing {}", path.display());
        let mut file = std::fs::File::create(&new).with_context(doing)?;
        file.write_all(serde_json::to_string_pretty(self)?.as_bytes()).with_context(doing)?;
        file.sync_all().with_context(doing)?;
        std::fs::rename(&new, &path).with_context(doing)
    }

    /// The addresses that serve a thing besides the one that is named for it.
    pub(crate) fn others(&self, what: &str) -> Vec<String> {
        let first = if what == "admin" { &self.admin } else { &self.collector };
        let serving = self.listeners.iter().filter(|one| one.serves.iter().any(|it| it == what));
        serving.map(ServingListener::url).filter(|url| Some(url) != first.as_ref()).collect()
    }

    /// By its listeners: the first that serves a thing, one for every environment before others.
    pub(crate) fn of(listeners: Vec<ServingListener>) -> Self {
        let url = |what: &str| {
            let some = || listeners.iter().filter(|one| one.serves.iter().any(|it| it == what));
            let best = some().find(|one| one.environments == "all environments").or_else(|| some().next());
            best.map(ServingListener::url)
        };
        let (collector, admin) = (url("collector"), url("admin"));
        Self {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").into(),
            since: Timestamp::now(),
            collector,
            admin,
            listeners,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_back_and_names_the_admin_listener() -> Result<()> {
        let folder = tempfile::tempdir()?;
        assert_eq!(Serving::read(folder.path())?, None);
        let listener = |address: &str, serves: &[&str], environments: &str| ServingListener {
            address: address.parse().expect("an address"),
            serves: serves.iter().map(ToString::to_string).collect(),
            environments: environments.into(),
        };
        let serving = Serving::of(vec![
            listener("0.0.0.0:80", &["collector"], "live environments"),
            listener("127.0.0.1:81", &["admin"], "test environments"),
            listener("[::]:82", &["collector", "admin"], "all environments"),
        ]);
        serving.write(folder.path())?;
        let read = Serving::read(folder.path())?.map(|it| it.listeners);
        assert_eq!(read.as_ref(), Some(&serving.listeners));
        assert_eq!(serving.admin.as_deref(), Some("http://[::1]:82"));
        assert_eq!(serving.collector.as_deref(), Some("http://[::1]:82"));
        assert_eq!(serving.others("admin"), ["http://127.0.0.1:81"]);
        assert_eq!(serving.others("collector"), ["http://127.0.0.1:80"]);
        assert_eq!(serving.listeners[0].url(), "http://127.0.0.1:80");
        Ok(())
    }
}
