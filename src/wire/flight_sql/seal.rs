//! What clients carry but must not be able to make or change: tickets and bearer tokens, signed with a key that lives
//! as long as the process.

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

use crate::error::{Error, Result};

/// What the signed bytes are for, so that one kind cannot be passed off as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Ticket = 1,
    Token = 2,
}

/// Signs and checks with HMAC-SHA-256.
pub struct Seal {
    key: hmac::Key,
}

const TAG_BYTES: usize = 32;

impl Seal {
    pub fn new() -> Result<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
            .map_err(|_| Error::internal("the system gives no random numbers"))?;
        Ok(Self { key })
    }

    /// The payload with its signature in front.
    pub fn close(&self, purpose: Purpose, payload: &[u8]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&[purpose as u8]);
        context.update(payload);
        let mut sealed = context.sign().as_ref().to_vec();
        sealed.extend_from_slice(payload);
        sealed
    }

    /// The payload of sealed bytes, if this process sealed them for this purpose.
    pub fn open<'a>(&self, purpose: Purpose, sealed: &'a [u8]) -> Option<&'a [u8]> {
        let (tag, payload) = sealed.split_at_checked(TAG_BYTES)?;
        let mut signed = vec![purpose as u8];
        signed.extend_from_slice(payload);
        hmac::verify(&self.key, &signed, tag).ok()?;
        Some(payload)
    }
}

/// Sixteen bytes that nobody can guess.
pub fn random_id() -> Result<[u8; 16]> {
    let mut id = [0; 16];
    SystemRandom::new()
        .fill(&mut id)
        .map_err(|_| Error::internal("the system gives no random numbers"))?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_what_it_closed_for_the_same_purpose() {
        let seal = Seal::new().unwrap();
        let sealed = seal.close(Purpose::Ticket, b"payload");
        assert_eq!(seal.open(Purpose::Ticket, &sealed), Some(b"payload".as_slice()));
        assert_eq!(seal.open(Purpose::Token, &sealed), None);
        assert_eq!(Seal::new().unwrap().open(Purpose::Ticket, &sealed), None);
        for index in 0..sealed.len() {
            let mut forged = sealed.clone();
            forged[index] ^= 1;
            assert_eq!(seal.open(Purpose::Ticket, &forged), None, "byte {index}");
        }
        assert_eq!(seal.open(Purpose::Ticket, &sealed[..31]), None);
        assert_eq!(seal.open(Purpose::Ticket, b""), None);
    }
}
