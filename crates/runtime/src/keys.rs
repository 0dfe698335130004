//! Keys: how machines prove which environment they belong to. Shown once, stored hashed.
//!
//! `wk_live_…` writes events from a server, `pk_live_…` from a browser (public), `sk_live_…` uses the admin
//! API of its one environment within its scopes; `…_test_…` the same for a test environment. An
//! administrator's token begins with `at_`. After the prefix come 24 random characters (142 bits) and a
//! checksum of 6, so that a mistyped key is told from an unknown one.

use std::sync::{PoisonError, RwLock};

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use store::{ControlWrites, KeyRow, OutsideChange};
use subtle::ConstantTimeEq;

use crate::{
    Environment, Error, Result,
    control::{Actor, Change, ControlDraft},
    seal,
};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_LENGTH: usize = 24;
const CHECKSUM_LENGTH: usize = 6;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Events from a server.
    Write,
    /// Events from a browser; may be read by anybody.
    Public,
    /// The admin API of one environment.
    Secret,
}

impl KeyKind {
    /// `wk`, `pk`, `sk`.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Write => "wk",
            Self::Public => "pk",
            Self::Secret => "sk",
        }
    }

    /// From its prefix.
    pub fn from_prefix(prefix: &str) -> Option<Self> {
        [Self::Write, Self::Public, Self::Secret].into_iter().find(|kind| kind.prefix() == prefix)
    }
}

/// What a secret key may do.
pub const SCOPES: [&str; 6] = ["read", "members", "configure", "promote", "operate", "*"];

/// What a token says of itself, before it is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// `None` for an administrator's token.
    pub kind: Option<KeyKind>,
    /// For keys: of a live environment?
    pub live: bool,
}

/// Makes a token with this prefix (`wk_live_`, `at_`).
pub fn make_token(prefix: &str) -> Result<String> {
    let mut token = String::from(prefix);
    while token.len() < prefix.len() + RANDOM_LENGTH {
        for byte in seal::random::<32>()? {
            // 248 is the largest multiple of 62 in a byte: no character is likelier than another.
            if byte < 248 && token.len() < prefix.len() + RANDOM_LENGTH {
                token.push(char::from(ALPHABET[usize::from(byte % 62)]));
            }
        }
    }
    let checksum = checksum(&token);
    token.push_str(&checksum);
    Ok(token)
}

fn checksum(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(CHECKSUM_LENGTH).map(|byte| char::from(ALPHABET[usize::from(byte % 62)])).collect()
}

/// Reads a token's shape; says what is wrong with one that is none.
pub fn shape(token: &str) -> Result<Shape, String> {
    let malformed = || {
        "this is not a Greenroom key: they begin with wk_, pk_ or sk_ and live_ or test_ (or at_ for an administrator)".to_owned()
    };
    let (shape, rest) = if let Some(rest) = token.strip_prefix("at_") {
        (Shape { kind: None, live: false }, rest)
    } else {
        let mut parts = token.splitn(3, '_');
        let kind = parts.next().and_then(KeyKind::from_prefix).ok_or_else(malformed)?;
        let live = match parts.next() {
            Some("live") => true,
            Some("test") => false,
            _ => return Err(malformed()),
        };
        (Shape { kind: Some(kind), live }, parts.next().ok_or_else(malformed)?)
    };
    if !rest.is_ascii() || rest.len() != RANDOM_LENGTH + CHECKSUM_LENGTH {
        return Err("this key is too short or too long: copy it again, whole".into());
    }
    let (body, sum) = token.split_at(token.len() - CHECKSUM_LENGTH);
    if checksum(body) == sum {
        Ok(shape)
    } else {
        Err("this key is mistyped: its checksum does not fit".into())
    }
}

/// A token's hash: what is stored. Tokens are random, so a plain hash cannot be guessed backwards.
pub fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// The keys of an environment, in memory.
pub(crate) struct KeyRing {
    rows: RwLock<Vec<KeyRow>>,
    /// Held from reading them to having them here, so that nothing that was put meanwhile is lost.
    changing: tokio::sync::Mutex<()>,
}

impl KeyRing {
    pub(crate) fn new(rows: Vec<KeyRow>) -> Self {
        Self { rows: RwLock::new(rows), changing: tokio::sync::Mutex::default() }
    }

    fn all(&self) -> Vec<KeyRow> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, rows: Vec<KeyRow>) {
        *self.rows.write().unwrap_or_else(PoisonError::into_inner) = rows;
    }

    fn put(&self, row: KeyRow) {
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        rows.retain(|old| old.id != row.id);
        rows.push(row);
    }

    /// The key with this hash. Every row is compared, each in constant time.
    fn find(&self, hash: &[u8; 32]) -> Option<KeyRow> {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        let mut found = None;
        for row in &*rows {
            if bool::from(row.hash.ct_eq(hash)) {
                found = Some(row.clone());
            }
        }
        found
    }
}

/// A key that was just made: the only time its text is seen.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What is stored of it.
    pub row: KeyRow,
    /// The key.
    pub token: String,
}

impl Environment {
    /// Makes a key. Secret keys have scopes (see [`SCOPES`]); the others have none.
    pub async fn make_key(
        &self,
        actor: Actor,
        kind: KeyKind,
        name: &str,
        scopes: Vec<String>,
        expires_at: Option<Timestamp>,
    ) -> Result<NewKey> {
        if let Some(unknown) = scopes.iter().find(|scope| !SCOPES.contains(&scope.as_str())) {
            return Err(Error::Refused(format!(
                "`{unknown}` is not a scope: use some of {}",
                SCOPES.join(", ")
            )));
        }
        if (kind == KeyKind::Secret) == scopes.is_empty() {
            return Err(Error::Refused(format!(
                "secret keys (sk) need at least one scope of {}, write and public keys have none",
                SCOPES.join(", ")
            )));
        }
        if expires_at.is_some_and(|at| at <= self.machine_now()) {
            return Err(Error::Refused("the key would have expired already".into()));
        }
        let token = make_token(&format!("{}_{}_", kind.prefix(), self.kind()))?;
        let id = format!("key_{}", &crate::control::hex(&seal::random::<8>()?));
        let row = KeyRow {
            id: id.clone(),
            hash: hash(&token),
            prefix: kind.prefix().into(),
            name: name.to_owned(),
            scopes,
            made_at: self.machine_now(),
            expires_at,
            revoked_at: None,
            hint: token[token.len() - 4..].to_owned(),
        };
        self.put_key(actor, row.clone(), true).await?;
        Ok(NewKey { row, token })
    }

    /// Revokes a key; requests with it are refused from now on.
    pub async fn revoke_key(&self, actor: Actor, id: &str) -> Result<KeyRow> {
        let mut row = self.keys.all().into_iter().find(|row| row.id == id).ok_or_else(|| Error::Missing {
            what: "key",
            name: id.to_owned(),
            environment: self.name().to_owned(),
        })?;
        if row.revoked_at.is_none() {
            row.revoked_at = Some(self.machine_now());
            self.put_key(actor, row.clone(), false).await?;
        }
        Ok(row)
    }

    async fn put_key(&self, actor: Actor, row: KeyRow, made: bool) -> Result<()> {
        let change = Change::KeyChanged { id: row.id.clone(), name: row.name.clone(), made };
        let extra = ControlWrites { outside: vec![OutsideChange::PutKey(row.clone())], ..Default::default() };
        self.change(ControlDraft { actor, message: None, change }, extra, None).await?;
        let _not_read_anew_meanwhile = self.keys.changing.lock().await;
        self.keys.put(row);
        Ok(())
    }

    /// Reads the keys anew: another node may have made or revoked some.
    pub(crate) async fn reload_keys(&self) -> Result<()> {
        let _nothing_is_put_meanwhile = self.keys.changing.lock().await;
        self.keys.replace(self.store.keys().await?);
        Ok(())
    }

    /// Every key, newest first.
    pub fn keys(&self) -> Vec<KeyRow> {
        let mut rows = self.keys.all();
        rows.sort_by(|a, b| (b.made_at, &b.id).cmp(&(a.made_at, &a.id)));
        rows
    }

    /// The key with this token, if this environment has it.
    pub(crate) fn find_key(&self, hash: &[u8; 32]) -> Option<KeyRow> {
        self.keys.find(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_tell_what_they_are() -> Result<()> {
        let token = make_token("wk_live_")?;
        assert_eq!(shape(&token), Ok(Shape { kind: Some(KeyKind::Write), live: true }));
        assert_eq!(shape(&make_token("at_")?), Ok(Shape { kind: None, live: false }));
        let mut mistyped = token.clone();
        mistyped.replace_range(12..13, if &token[12..13] == "a" { "b" } else { "a" });
        assert!(shape(&mistyped).is_err_and(|why| why.contains("mistyped")));
        assert!(shape(&token[..20]).is_err_and(|why| why.contains("too short")));
        assert!(shape("hello").is_err_and(|why| why.contains("begin with")));
        assert_ne!(make_token("wk_live_")?, token);
        Ok(())
    }
}
