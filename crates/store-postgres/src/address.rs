//! Where the server is: a URL as `libpq` writes it, with how far its certificate is believed.

use std::{path::PathBuf, str::FromStr, time::Duration};

use store::{Error, Result};
use tokio_postgres::{Config, config::SslMode};

use crate::{Options, tls::Tls};

/// How a connection is to be encrypted: `sslmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// Not at all.
    Disable,
    /// If the server can; its certificate is not looked at.
    Prefer,
    /// Always; its certificate is not looked at.
    Require,
    /// Always, with a certificate that leads to a trusted root and names the host.
    VerifyFull,
}

/// A server, a database and the installing role.
#[derive(Clone)]
pub(crate) struct Address {
    config: Config,
    pub(crate) tls: Tls,
    pub(crate) encryption: Encryption,
    /// For people: without the password.
    pub(crate) shown: String,
}

fn wrong(detail: &str) -> Error {
    Error::Refused(format!(
        "this is not the URL of a PostgreSQL database: {detail}; write \
         postgres://USER:PASSWORD@HOST:PORT/DATABASE, with ?sslmode=disable, prefer, require or verify-full"
    ))
}

/// Looks at a URL without connecting: whether it names a database, a user and a host.
///
/// # Errors
/// [`Error::Refused`] with what is wrong. Nothing of the URL that may be a password is repeated.
pub fn check_url(url: &str) -> Result<()> {
    parts(url).map(drop)
}

/// What a URL says.
struct Parts {
    config: Config,
    encryption: Encryption,
    root: Option<PathBuf>,
    database: String,
    user: String,
}

fn parts(url: &str) -> Result<Parts> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(wrong("it does not begin with postgres://"));
    }
    // Everything after the first of these would be taken for the host, or for a setting, and be shown.
    let ends = url.split_once('?').map_or([url, ""], |(base, query)| [base, query]);
    if ends[0].matches('@').count() > 1 || ends[1].contains('@') {
        return Err(wrong(
            "it has an @ too many, or a ? before it; in a user or password write %40 for @, %2F for /, %3F for ?, %3A for \
             :, %25 for %",
        ));
    }
    let (url, encryption, root) = settings(url)?;
    let config = Config::from_str(&url).map_err(|e| wrong(&crate::fault::said(&e)))?;
    if config.get_hosts().is_empty() {
        return Err(wrong("it names no host"));
    }
    let Some(database) = config.get_dbname().map(ToOwned::to_owned) else {
        return Err(wrong("it names no database"));
    };
    let Some(user) = config.get_user().map(ToOwned::to_owned) else {
        return Err(wrong("it names no user"));
    };
    Ok(Parts { config, encryption, root, database, user })
}

impl Address {
    pub(crate) fn parse(url: &str, options: &Options) -> Result<Self> {
        let Parts { mut config, encryption, root, database, user } = parts(url)?;
        config
            .ssl_mode(match encryption {
                Encryption::Disable => SslMode::Disable,
                Encryption::Prefer => SslMode::Prefer,
                Encryption::Require | Encryption::VerifyFull => SslMode::Require,
            })
            .connect_timeout(options.connect_timeout)
            // A server that is gone without a word is noticed, idle or not.
            .keepalives_idle(Duration::from_secs(30))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3)
            .tcp_user_timeout(Duration::from_secs(15));
        if config.get_application_name().is_none() {
            config.application_name("greenroom");
        }
        let shown = shown(&config, &database, &user);
        Ok(Self { config, tls: Tls::new(encryption, root.as_deref())?, encryption, shown })
    }

    /// For people: as another role.
    pub(crate) fn shown_as(&self, role: &str) -> String {
        shown(&self.config, self.config.get_dbname().unwrap_or_default(), role)
    }

    /// As the installing role.
    pub(crate) fn installing(&self) -> Config {
        self.config.clone()
    }

    /// As another role.
    pub(crate) fn role(&self, role: &str, password: &str) -> Config {
        let mut config = self.config.clone();
        config.user(role).password(password);
        config
    }
}

fn shown(config: &Config, database: &str, user: &str) -> String {
    format!("database `{database}` as `{user}` at {}", hosts(config))
}

fn hosts(config: &Config) -> String {
    let ports = config.get_ports();
    let named = config.get_hosts().iter().enumerate().map(|(at, host)| {
        let port = ports.get(at).or(ports.first()).copied().unwrap_or(5432);
        match host {
            tokio_postgres::config::Host::Tcp(name) => format!("{name}:{port}"),
            #[cfg(unix)]
            tokio_postgres::config::Host::Unix(path) => format!("{}:{port}", path.display()),
        }
    });
    named.collect::<Vec<_>>().join(", ")
}

/// Takes out of a URL what the client library does not know.
fn settings(url: &str) -> Result<(String, Encryption, Option<PathBuf>)> {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let (mut encryption, mut root, mut rest) = (Encryption::Prefer, None, Vec::new());
    for setting in query.split('&').filter(|setting| !setting.is_empty()) {
        match setting.split_once('=') {
            Some(("sslmode", mode)) => {
                encryption = match mode {
                    "disable" => Encryption::Disable,
                    "prefer" | "allow" => Encryption::Prefer,
                    "require" => Encryption::Require,
                    "verify-full" => Encryption::VerifyFull,
                    other => return Err(wrong(&format!("`{other}` is no sslmode that is understood"))),
                }
            }
            Some(("sslrootcert", path)) => root = Some(PathBuf::from(unescaped(path))),
            _ => rest.push(setting),
        }
    }
    let url = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
    Ok((url, encryption, root))
}

/// Without `%41` and the like.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = (first == b'%').then(|| after.get(..2)).flatten();
        let byte = escaped.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        if let Some(byte) = byte {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Result<Address> {
        Address::parse(url, &Options::default())
    }

    #[test]
    fn wrong_urls_say_what_is_wrong() {
        for (url, said) in [
            ("mysql://u@h/d", "does not begin"),
            ("/var/lib/greenroom", "does not begin"),
            ("postgres://u:p@h:port/d", "not the URL"),
            ("postgres://u:p@h", "no database"),
            ("postgres://h/d", "no user"),
            ("postgres://u@h/d?sslmode=verify-ca", "no sslmode"),
            ("postgres://u@h/d?fancy=1", "fancy"),
        ] {
            let error = parsed(url).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(said), "{url}: {error}");
            assert_eq!(check_url(url).err().map(|error| error.to_string()).unwrap_or_default(), error);
        }
    }

    #[test]
    fn a_password_that_is_not_escaped_is_repeated_nowhere() {
        for url in [
            "postgres://ada:top@hush@db/shop",
            "postgres://ada:top@hush:5432/shop@db/shop",
            "postgres://ada:to?hush@db/shop",
            "postgres://ada:top?sslmode=hush@db/shop",
        ] {
            let error = parsed(url).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains("%40 for @") && error.contains("%2F for /"), "{url}: {error}");
            assert!(!error.contains("hush") && !error.contains("top"), "{url}: {error}");
        }
        // These are taken for what they are.
        for url in [
            "postgres://ada:to/hush@db/shop",
            "postgres://ada:to%40hush@db/shop",
            "postgres://ada:a:hush@db/shop",
        ] {
            let address = parsed(url).expect("it is one");
            assert_eq!(address.shown, "database `shop` as `ada` at db:5432");
        }
    }

    #[test]
    fn the_password_is_not_shown() {
        let address =
            parsed("postgres://ada:hush@db.example.org:6432/shop?sslmode=disable").expect("it is one");
        assert_eq!(address.shown, "database `shop` as `ada` at db.example.org:6432");
        let socket = parsed("postgres://ada:hush@%2Frun%2Fpg/shop?sslmode=prefer").expect("it is one");
        assert_eq!(socket.shown, "database `shop` as `ada` at /run/pg:5432");
    }

    #[test]
    fn escapes_are_read() {
        assert_eq!(unescaped("%2Fetc%2fca.pem"), "/etc/ca.pem");
        assert_eq!(unescaped("100%"), "100%");
    }
}
