//! SCRAM-SHA-256 verifiers in the form that PostgreSQL stores: what a server keeps so that it can check a password
//! which it does not know.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac, pbkdf2};

use crate::error::{Error, Result};

/// SHA-256's output.
pub const KEY_BYTES: usize = digest::SHA256_OUTPUT_LEN;
/// As PostgreSQL makes them.
const SALT_BYTES: usize = 16;
const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).unwrap();
/// More would let one log-in attempt keep a processor busy for a second.
const MOST_ITERATIONS: u32 = 1_000_000;
const MECHANISM: &str = "SCRAM-SHA-256";

/// `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`, the three last in base64.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    pub iterations: NonZeroU32,
    pub salt: Vec<u8>,
    pub stored_key: [u8; KEY_BYTES],
    pub server_key: [u8; KEY_BYTES],
}

impl Verifier {
    /// A verifier with a new salt, for the configuration.
    pub fn make(password: &str) -> Result<Self> {
        let mut salt = vec![0; SALT_BYTES];
        SystemRandom::new()
            .fill(&mut salt)
            .map_err(|_| Error::internal("the system gives no random numbers"))?;
        Ok(Self::derive(password, salt, ITERATIONS))
    }

    /// The verifier of a password with a given salt.
    pub fn derive(password: &str, salt: Vec<u8>, iterations: NonZeroU32) -> Self {
        let salted = salted_password(password, &salt, iterations);
        let client_key = hmac_sha256(&salted, b"Client Key");
        Self {
            iterations,
            salt,
            stored_key: sha256(&client_key),
            server_key: hmac_sha256(&salted, b"Server Key"),
        }
    }

    /// One that no password fits, with a salt that looks like any other and is the same at every attempt.
    pub fn mock(secret: &[u8], user: &str, iterations: NonZeroU32) -> Self {
        let salt = mock_salt(secret, user);
        Self {
            iterations,
            salt,
            stored_key: [0; KEY_BYTES],
            server_key: [0; KEY_BYTES],
        }
    }

    /// Whether the password is the one this was made of. Takes as long for a wrong one.
    pub fn fits(&self, password: &str) -> bool {
        let salted = salted_password(password, &self.salt, self.iterations);
        let client_key = hmac_sha256(&salted, b"Client Key");
        same(&sha256(&client_key), &self.stored_key)
    }

    /// Whether a client's proof shows that it knows the password, for the exchange that `auth_message` holds.
    pub fn proves(&self, auth_message: &[u8], proof: &[u8; KEY_BYTES]) -> bool {
        let signature = hmac_sha256(&self.stored_key, auth_message);
        let mut client_key = *proof;
        for (byte, mask) in client_key.iter_mut().zip(signature) {
            *byte ^= mask;
        }
        same(&sha256(&client_key), &self.stored_key)
    }

    /// What shows the client that the server knows the verifier.
    pub fn server_signature(&self, auth_message: &[u8]) -> [u8; KEY_BYTES] {
        hmac_sha256(&self.server_key, auth_message)
    }
}

/// The salt of a user's verifier that is made at every start, and of those who do not exist.
pub fn mock_salt(secret: &[u8], user: &str) -> Vec<u8> {
    hmac_sha256(secret, user.as_bytes())[..SALT_BYTES].to_vec()
}

fn salted_password(password: &str, salt: &[u8], iterations: NonZeroU32) -> [u8; KEY_BYTES] {
    let mut salted = [0; KEY_BYTES];
    let prepared = saslprep(password);
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        iterations,
        salt,
        prepared.as_bytes(),
        &mut salted,
    );
    salted
}

/// The password as clients hash it: normalised where RFC 4013 can, as it is where it cannot, as PostgreSQL does.
pub fn saslprep(password: &str) -> String {
    stringprep::saslprep(password).map_or_else(|_| password.to_string(), |prepared| prepared.into_owned())
}

pub fn sha256(bytes: &[u8]) -> [u8; KEY_BYTES] {
    sized(digest::digest(&digest::SHA256, bytes).as_ref())
}

pub fn hmac_sha256(key: &[u8], bytes: &[u8]) -> [u8; KEY_BYTES] {
    sized(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), bytes).as_ref())
}

/// SHA-256 always gives as many bytes.
fn sized(bytes: &[u8]) -> [u8; KEY_BYTES] {
    let mut key = [0; KEY_BYTES];
    key.copy_from_slice(bytes);
    key
}

/// Compares secrets in a time that does not tell where they differ: by their digests under a key that nobody knows.
pub fn same(one: &[u8], other: &[u8]) -> bool {
    let Ok(key) = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()) else {
        return false;
    };
    hmac::verify(&key, one, hmac::sign(&key, other).as_ref()).is_ok()
}

impl fmt::Display for Verifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{MECHANISM}${}:{}${}:{}",
            self.iterations,
            BASE64_STANDARD.encode(&self.salt),
            BASE64_STANDARD.encode(self.stored_key),
            BASE64_STANDARD.encode(self.server_key)
        )
    }
}

/// Verifiers are secrets and stay out of logs.
impl fmt::Debug for Verifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Verifier(…)")
    }
}

impl FromStr for Verifier {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parts(text).ok_or_else(|| {
            "not a SCRAM-SHA-256 verifier: run mission-control hash-password, or copy rolpassword from PostgreSQL's \
             pg_authid"
                .to_string()
        })
    }
}

fn parts(text: &str) -> Option<Verifier> {
    let rest = text.trim().strip_prefix(MECHANISM)?.strip_prefix('$')?;
    let (head, keys) = rest.split_once('$')?;
    let (iterations, salt) = head.split_once(':')?;
    let (stored_key, server_key) = keys.split_once(':')?;
    let iterations: NonZeroU32 = iterations.parse().ok()?;
    let salt = BASE64_STANDARD.decode(salt).ok()?;
    let good = iterations.get() <= MOST_ITERATIONS && (1..=1024).contains(&salt.len());
    good.then_some(())?;
    Some(Verifier {
        iterations,
        salt,
        stored_key: key(stored_key)?,
        server_key: key(server_key)?,
    })
}

fn key(text: &str) -> Option<[u8; KEY_BYTES]> {
    BASE64_STANDARD.decode(text).ok()?.try_into().ok()
}

impl<'de> serde::Deserialize<'de> for Verifier {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchange of RFC 7677, section 3: user "user", password "pencil".
    const RFC_7677_AUTH_MESSAGE: &str = "n=user,r=rOprNGfwEbeRWgbNEkqO,\
        r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,\
        c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

    fn rfc_7677() -> Verifier {
        let salt = BASE64_STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        Verifier::derive("pencil", salt, ITERATIONS)
    }

    #[test]
    fn the_exchange_of_rfc_7677() {
        let verifier = rfc_7677();
        let proof = key("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=").unwrap();
        assert!(verifier.proves(RFC_7677_AUTH_MESSAGE.as_bytes(), &proof));
        assert_eq!(
            BASE64_STANDARD.encode(verifier.server_signature(RFC_7677_AUTH_MESSAGE.as_bytes())),
            "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
        );
        let mut wrong = proof;
        wrong[0] ^= 1;
        assert!(!verifier.proves(RFC_7677_AUTH_MESSAGE.as_bytes(), &wrong));
        assert!(!verifier.proves(b"another exchange", &proof));
    }

    /// `CREATE ROLE r PASSWORD …` and `SELECT rolpassword FROM pg_authid` in PostgreSQL 15.
    const POSTGRESQL_VERIFIERS: &[(&str, &str)] = &[
        (
            "pencil",
            "SCRAM-SHA-256$4096:F0fqxXQuaM1DEXiM3CJKVQ==$oj/4I6GPQFoH96biZOgjuBARcq9YJ/SYcMd2kZqXW5A=:\
             t9b/U7aVPwgrXEwvScJQxXtzSzzQ54f9oW6L1ZHi980=",
        ),
        (
            "I\u{AD}X \u{2168}",
            "SCRAM-SHA-256$4096:6vQXXTs1VxHoMx/2tI7nZg==$QBBH8NITRo9ZpukFb9f+1xrv2lwr164vum+pQ58p+bk=:\
             +KWlcmLVfSUjl50Cd5KxjVAdAWzmenL7Pi/956UGJjE=",
        ),
        (
            "bell\u{7}",
            "SCRAM-SHA-256$4096:upV8Tlxow9zT0fVdczVUTQ==$e3Aesr7IzSmIzeeyjvNke5G3U403W1B7HeOYpwSh5rE=:\
             qQ+HZ/rJsLB3sX8LIge1jQzRSZq2w0xwmzpLJOfyafM=",
        ),
        (
            "Grüße, Jürgen ❤",
            "SCRAM-SHA-256$4096:IQJ4oHlckEBIFMauiex6Cg==$N+iRjwT9c+fqOlwNZXGpLtpeaLyttnmLLxSo5KndveM=:\
             PbAo7v4mcQAad5ZSNqipChrlM23wsrnAaDrFuq8oEKk=",
        ),
    ];

    #[test]
    fn verifiers_of_postgresql_fit_their_passwords() {
        for (password, text) in POSTGRESQL_VERIFIERS {
            let verifier: Verifier = text.parse().expect(text);
            assert!(verifier.fits(password), "{password}");
            assert!(!verifier.fits("another"), "{password}");
            assert_eq!(verifier.to_string(), *text);
            assert_eq!(
                Verifier::derive(password, verifier.salt.clone(), verifier.iterations),
                verifier
            );
        }
    }

    #[test]
    fn what_is_no_verifier_is_refused() {
        let good = rfc_7677().to_string();
        assert_eq!(good.parse::<Verifier>().unwrap(), rfc_7677());
        for bad in [
            "",
            "pencil",
            "md50123456789abcdef0123456789abcdef",
            &good.replace("SHA-256$", "SHA-512$"),
            &good.replace("4096", "0"),
            &good.replace("4096", "-1"),
            &good.replace("4096", "4000000000"),
            &good.replace("W22Z", "!!!!"),
            &good.replacen('$', ":", 2),
            &good[..good.len() - 4],
        ] {
            assert!(bad.parse::<Verifier>().is_err(), "{bad}");
        }
    }

    #[test]
    fn nobody_fits_a_mock_and_its_salt_stays() {
        let mock = Verifier::mock(b"secret", "ghost", ITERATIONS);
        assert_eq!(mock.salt, Verifier::mock(b"secret", "ghost", ITERATIONS).salt);
        assert_ne!(mock.salt, Verifier::mock(b"secret", "spirit", ITERATIONS).salt);
        assert_ne!(mock.salt, Verifier::mock(b"other", "ghost", ITERATIONS).salt);
        assert!(!mock.fits(""));
        assert_eq!(format!("{mock:?}"), "Verifier(…)");
    }
}
