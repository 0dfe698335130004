//! Directory keys: 128-bit hashes keyed with the environment's own secret, so that the directory holds no
//! identity and no message id in the clear, and nobody outside can craft a collision.

use sha2::{Digest, Sha256};

/// Hashes for one environment.
#[derive(Clone)]
pub struct Hasher {
    inner: Sha256,
    outer: Sha256,
}

impl Hasher {
    /// HMAC-SHA-256 with this key (RFC 2104), the padded key blocks absorbed once.
    pub fn new(key: &[u8; 32]) -> Self {
        let mut block = [0x36_u8; 64];
        let mut outer_block = [0x5c_u8; 64];
        for (i, byte) in key.iter().enumerate() {
            block[i] ^= byte;
            outer_block[i] ^= byte;
        }
        Self { inner: Sha256::new().chain_update(block), outer: Sha256::new().chain_update(outer_block) }
    }

    fn hash(&self, domain: &str, parts: &[&str]) -> [u8; 16] {
        let mut inner = self.inner.clone();
        inner.update(domain.as_bytes());
        for part in parts {
            // Lengths first: no two lists of parts share their bytes.
            inner.update((part.len() as u64).to_be_bytes());
            inner.update(part.as_bytes());
        }
        let digest = self.outer.clone().chain_update(inner.finalize()).finalize();
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        key
    }

    /// A message id.
    pub fn message(&self, id: &str) -> [u8; 16] {
        self.hash("message", &[id])
    }

    /// An identity.
    pub fn identity(&self, identity: &engine::Identity) -> [u8; 16] {
        match identity {
            engine::Identity::User(id) => self.hash("user", &[id]),
            engine::Identity::Anonymous(id) => self.hash("anonymous", &[id]),
        }
    }

    /// A value of an event type's `unique_by`.
    pub fn unique(&self, event_type: &str, value: &str) -> [u8; 16] {
        self.hash("unique", &[event_type, value])
    }

    /// An Idempotency-Key, within what it was used for.
    pub fn command(&self, key: &str) -> [u8; 16] {
        self.hash("command", &[key])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_and_keys_are_apart() {
        let one = Hasher::new(&[1; 32]);
        let other = Hasher::new(&[2; 32]);
        assert_eq!(one.message("a"), one.message("a"));
        assert_ne!(one.message("a"), other.message("a"));
        assert_ne!(one.message("a"), one.command("a"));
        assert_ne!(one.unique("ab", "c"), one.unique("a", "bc"));
        assert_ne!(
            one.identity(&engine::Identity::User("a".into())),
            one.identity(&engine::Identity::Anonymous("a".into()))
        );
    }
}
