//! Secrets and constants at rest: sealed with the install's master key.

use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};

use crate::{Error, Result};

/// Seals and opens values of one environment. The environment's id and the value's name are bound in, so
/// that a sealed value cannot be moved to another place.
#[derive(Clone)]
pub struct Seal {
    cipher: XChaCha20Poly1305,
    /// Of master keys before this one: they open, and seal nothing.
    former: Vec<XChaCha20Poly1305>,
    environment: [u8; 16],
}

/// Random bytes from the operating system.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::Internal(format!("the operating system gives no random bytes: {error}")))?;
    Ok(bytes)
}

const NONCE_BYTES: usize = 24;

impl Seal {
    /// For an environment, under the install's master key.
    pub fn new(master: &[u8; 32], environment: [u8; 16]) -> Self {
        Self { cipher: XChaCha20Poly1305::new(master.into()), former: Vec::new(), environment }
    }

    /// Opens also what was sealed under these.
    #[must_use]
    pub fn with_former(self, keys: &[[u8; 32]]) -> Self {
        let former = keys.iter().map(|key| XChaCha20Poly1305::new(key.into())).collect();
        Self { former, ..self }
    }

    fn bound(&self, name: &str) -> Vec<u8> {
        [self.environment.as_slice(), name.as_bytes()].concat()
    }

    /// Nonce and ciphertext.
    pub fn seal(&self, name: &str, value: &[u8]) -> Result<Vec<u8>> {
        let nonce = random::<NONCE_BYTES>()?;
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: value, aad: &self.bound(name) })
            .map_err(|_| Error::Internal(format!("`{name}` could not be sealed")))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// The value.
    pub fn open(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let (nonce, text) =
            sealed.split_first_chunk::<NONCE_BYTES>().ok_or_else(|| Error::Sealed(name.to_owned()))?;
        let bound = self.bound(name);
        std::iter::once(&self.cipher)
            .chain(&self.former)
            .find_map(|key| key.decrypt(&XNonce::from(*nonce), Payload { msg: text, aad: &bound }).ok())
            .ok_or_else(|| Error::Sealed(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_in_its_place() -> Result<()> {
        let seal = Seal::new(&[7; 32], [1; 16]);
        let sealed = seal.seal("api_key", b"hush")?;
        assert_eq!(seal.open("api_key", &sealed)?, b"hush");
        assert!(seal.open("other", &sealed).is_err());
        assert!(Seal::new(&[7; 32], [2; 16]).open("api_key", &sealed).is_err());
        assert!(Seal::new(&[8; 32], [1; 16]).open("api_key", &sealed).is_err());
        let former = [[9; 32], [7; 32]];
        assert_eq!(Seal::new(&[8; 32], [1; 16]).with_former(&former).open("api_key", &sealed)?, b"hush");
        let mut flipped = sealed;
        flipped[30] ^= 1;
        assert!(seal.open("api_key", &flipped).is_err());
        Ok(())
    }
}
