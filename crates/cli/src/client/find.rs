//! Which server, and with which credential.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::serving::{ADMIN_TOKEN_FILE, SERVING_FILE, Serving};
use crate::arguments::Global;

/// A server and a credential for it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// `http://host:port`, without a slash at the end.
    pub(crate) server: String,
    /// Other addresses of the same server, which serve other environments.
    pub(crate) others: Vec<String>,
    /// What is shown to it.
    pub(crate) token: String,
    /// The file that named it.
    pub(crate) serving_file: Option<PathBuf>,
}

impl Found {
    /// Whether it is on this machine, by its address.
    pub(crate) fn is_local(&self) -> bool {
        is_local(&self.server)
    }
}

fn is_local(server: &str) -> bool {
    let host = server.split_once("://").map_or(server, |(_, rest)| rest);
    let host = host.split('/').next().unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    matches!(host, "localhost" | "[::1]")
        || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

/// Looks where the arguments, the environment variables and the data folder point, in this order. The
/// folder's token is shown to no server but one on this machine.
pub(crate) fn find(global: &Global) -> Result<Found> {
    let (server, mut others, serving_file) = match &global.server {
        Some(server) => (url(server)?, Vec::new(), None),
        None => local(&global.data)?,
    };
    if global.token.is_none() {
        others.retain(|other| is_local(other));
    }
    let token = match &global.token {
        Some(token) => token.trim().to_owned(),
        None if is_local(&server) => token_of(&global.data)?,
        None => bail!(
            "{server} needs a credential: set GREENROOM_TOKEN (or --token) to a secret key (sk_) or an administrator's token (at_)"
        ),
    };
    Ok(Found { server, others, token, serving_file })
}

/// The server that takes events in, where one is named by the data folder, to be shown a write key.
pub(crate) fn find_collector(global: &Global, key: String) -> Result<Found> {
    if let Some(server) = &global.server {
        return Ok(Found { server: url(server)?, others: Vec::new(), token: key, serving_file: None });
    }
    let folder = &global.data;
    let (admin, _, serving_file) = local(folder)?;
    let serving = Serving::read(folder)?;
    let others = serving.iter().flat_map(|serving| serving.others("collector")).collect();
    let collector = serving.and_then(|serving| serving.collector);
    Ok(Found { server: collector.unwrap_or(admin), others, token: key, serving_file })
}

fn url(server: &str) -> Result<String> {
    let server = server.trim_end_matches('/');
    if server.starts_with("http://") || server.starts_with("https://") {
        return Ok(server.to_owned());
    }
    if server.contains("://") || server.is_empty() {
        bail!("`{server}` is not a server: write it like http://127.0.0.1:7780");
    }
    Ok(format!("http://{server}"))
}

/// Where the admin API of a folder's server is: the first address to try, those that serve other environments, and
/// the file that says so.
fn local(folder: &Path) -> Result<(String, Vec<String>, Option<PathBuf>)> {
    let Some(serving) = Serving::read(folder)? else {
        bail!(
            "no server is running on the data folder {}: start one with `greenroom serve --data {0}`, or name another with --data, or a server with --server",
            folder.display()
        );
    };
    let others = serving.others("admin");
    match serving.admin {
        Some(admin) => Ok((admin, others, Some(folder.join(SERVING_FILE)))),
        None => bail!(
            "the server on {} has no listener that serves the admin API; add `admin` to a listener's `serves`",
            folder.display()
        ),
    }
}

fn token_of(folder: &Path) -> Result<String> {
    let path = folder.join(ADMIN_TOKEN_FILE);
    let text = std::fs::read_to_string(&path).with_context(|| {
        format!("reading the administrator's token from {}; or set GREENROOM_TOKEN", path.display())
    })?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_named_in_short_or_whole() {
        for (given, expected) in [
            ("127.0.0.1:7780", Some("http://127.0.0.1:7780")),
            ("https://greenroom.example/", Some("https://greenroom.example")),
            ("ftp://x", None),
            ("", None),
        ] {
            assert_eq!(url(given).ok().as_deref(), expected, "{given}");
        }
    }

    #[test]
    fn the_folders_token_stays_on_this_machine() -> Result<()> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join(ADMIN_TOKEN_FILE), "at_secret\n")?;
        let global = |server: Option<&str>, token: Option<&str>| Global {
            server: server.map(Into::into),
            token: token.map(Into::into),
            data: folder.path().to_owned(),
            output: crate::output::Format::Table,
        };
        let token = |server, token| find(&global(server, token)).map(|found| found.token);
        for local in ["127.0.0.1:1", "http://localhost:1", "http://[::1]:1"] {
            assert_eq!(token(Some(local), None)?, "at_secret", "{local}");
        }
        assert!(
            token(Some("https://greenroom.example"), None)
                .is_err_and(|e| e.to_string().contains("GREENROOM_TOKEN"))
        );
        assert!(token(Some("https://127.example"), None).is_err());
        assert_eq!(token(Some("https://greenroom.example"), Some("sk_x"))?, "sk_x");
        let nobody = find(&global(None, None)).map(|_| ()).map_err(|error| error.to_string());
        assert!(nobody.is_err_and(|said| said.contains("no server is running")));
        Ok(())
    }
}
