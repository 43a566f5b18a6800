//! The users of the configuration: one store for every protocol, so that a name, a password or a token means the same
//! everywhere.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use ring::rand::{SecureRandom, SystemRandom};

use super::verifier::{KEY_BYTES, Verifier, hmac_sha256, mock_salt, sha256};
use super::{Identity, Role};
use crate::error::{Error, Result};

/// PostgreSQL's limit on names.
const MAX_NAME_BYTES: usize = 63;
/// A token is compared by its plain digest, so it must be nothing that can be guessed.
pub const TOKEN_LEAST_CHARACTERS: usize = 20;

const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).unwrap();

/// What the configuration says of one user.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub name: String,
    pub role: Role,
    pub verifier: Option<Verifier>,
    /// In place of a verifier; only a verifier is kept of it.
    pub password: Option<String>,
    pub token: Option<TokenDigest>,
}

/// The SHA-256 of a bearer token, written in hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TokenDigest([u8; KEY_BYTES]);

impl TokenDigest {
    pub fn of(token: &str) -> Self {
        Self(sha256(token.as_bytes()))
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TokenDigest(…)")
    }
}

impl FromStr for TokenDigest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || "not a SHA-256 digest: write its 64 hexadecimal digits".to_string();
        let text = text.trim();
        if text.len() != 2 * KEY_BYTES || !text.is_ascii() {
            return Err(wrong());
        }
        let mut digest = [0; KEY_BYTES];
        for (index, byte) in digest.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Self(digest))
    }
}

impl<'de> serde::Deserialize<'de> for TokenDigest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// All users; none means that nobody is asked who they are.
pub struct Users {
    by_name: HashMap<String, User>,
    by_token: HashMap<TokenDigest, String>,
    mock_secret: [u8; KEY_BYTES],
    mock_iterations: NonZeroU32,
}

struct User {
    role: Role,
    verifier: Option<Verifier>,
    token: Option<TokenDigest>,
}

impl Default for Users {
    fn default() -> Self {
        Self {
            by_name: HashMap::new(),
            by_token: HashMap::new(),
            mock_secret: [0; KEY_BYTES],
            mock_iterations: ITERATIONS,
        }
    }
}

impl Users {
    /// Fails for two users of one name or one token, and for names that PostgreSQL cannot have.
    pub fn new(credentials: Vec<Credentials>) -> Result<Self> {
        let fixed: Vec<&Verifier> = credentials.iter().filter_map(|one| one.verifier.as_ref()).collect();
        let mock_secret = mock_secret(&fixed)?;
        let mock_iterations = fixed.first().map_or(ITERATIONS, |verifier| verifier.iterations);
        let mut users = Self {
            mock_secret,
            mock_iterations,
            ..Self::default()
        };
        for one in credentials {
            users.add(one)?;
        }
        Ok(users)
    }

    fn add(&mut self, credentials: Credentials) -> Result<()> {
        let Credentials {
            name,
            role,
            verifier,
            password,
            token,
        } = credentials;
        check_name(&name)?;
        let verifier = verifier.or_else(|| {
            // The same salt for the same secret, so that a reload does not look like a change of the password.
            password.map(|password| {
                let salt = mock_salt(&self.mock_secret, &name);
                Verifier::derive(&password, salt, self.mock_iterations)
            })
        });
        if let Some(token) = &token
            && let Some(other) = self.by_token.insert(token.clone(), name.clone())
        {
            return Err(Error::configuration(format!(
                "users: {other} and {name} have the same token"
            )));
        }
        let user = User { role, verifier, token };
        if self.by_name.insert(name.clone(), user).is_some() {
            return Err(Error::configuration(format!("users: there are two of the name {name}")));
        }
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Everybody, by name.
    pub fn identities(&self) -> Vec<Identity> {
        let mut all: Vec<Identity> = self
            .by_name
            .iter()
            .map(|(name, user)| Identity::new(name, user.role))
            .collect();
        all.sort_by(|one, other| one.user.cmp(&other.user));
        all
    }

    pub fn identity(&self, name: &str) -> Option<Identity> {
        let user = self.by_name.get(name)?;
        Some(Identity::new(name, user.role))
    }

    /// What an exchange with whoever gives this name is held with. Those without a password have one as well, so that
    /// nothing tells them from those with one; nobody passes it.
    pub fn verifier(&self, name: &str) -> Verifier {
        let known = self.by_name.get(name).and_then(|user| user.verifier.clone());
        known.unwrap_or_else(|| Verifier::mock(&self.mock_secret, name, self.mock_iterations))
    }

    /// The user whose password this is. Takes as long whether there is such a user or not.
    pub fn by_password(&self, name: &str, password: &str) -> Option<Identity> {
        if !self.verifier(name).fits(password) {
            return None;
        }
        self.identity(name)
    }

    /// The user whose bearer token this is.
    pub fn by_token(&self, token: &str) -> Option<Identity> {
        self.identity(self.by_token.get(&TokenDigest::of(token))?)
    }

    /// Changes with the user's secrets: what was handed out for others is no longer good.
    pub fn secrets_digest(&self, name: &str) -> Option<[u8; KEY_BYTES]> {
        let user = self.by_name.get(name)?;
        let password = user.verifier.as_ref().map_or([0; KEY_BYTES], |one| one.stored_key);
        let token = user.token.as_ref().map_or([0; KEY_BYTES], |token| token.0);
        Some(hmac_sha256(&password, &token))
    }
}

/// Only secrets would be worth printing.
impl fmt::Debug for Users {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} users", self.by_name.len())
    }
}

/// Made of the configured verifiers where there are any, so that made-up salts survive a restart as real ones do.
fn mock_secret(verifiers: &[&Verifier]) -> Result<[u8; KEY_BYTES]> {
    let mut secret = Vec::new();
    for verifier in verifiers {
        secret.extend_from_slice(&verifier.server_key);
    }
    if verifiers.is_empty() {
        return process_secret();
    }
    Ok(hmac_sha256(&secret, b"mock salt"))
}

/// Random, and the same as long as the process lives.
fn process_secret() -> Result<[u8; KEY_BYTES]> {
    static SECRET: std::sync::OnceLock<[u8; KEY_BYTES]> = std::sync::OnceLock::new();
    let mut fresh = [0; KEY_BYTES];
    SystemRandom::new()
        .fill(&mut fresh)
        .map_err(|_| Error::internal("the system gives no random numbers"))?;
    Ok(*SECRET.get_or_init(|| fresh))
}

fn check_name(name: &str) -> Result<()> {
    let good = !name.is_empty() && name.len() <= MAX_NAME_BYTES && !name.chars().any(char::is_control);
    if good {
        return Ok(());
    }
    Err(
        Error::configuration(format!("users: {name:?} cannot be a user's name")).with_hint(format!(
            "a name has 1 to {MAX_NAME_BYTES} bytes and no control characters"
        )),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(name: &str, role: Role) -> Credentials {
        Credentials {
            name: name.to_string(),
            role,
            verifier: None,
            password: None,
            token: None,
        }
    }

    fn three() -> Users {
        let ada = Credentials {
            verifier: Some(Verifier::make("lovelace").unwrap()),
            ..credentials("ada", Role::Admin)
        };
        let bob = Credentials {
            password: Some("builder".to_string()),
            ..credentials("bob", Role::Reader)
        };
        let bot = Credentials {
            token: Some(TokenDigest::of("a-token-of-the-pipeline")),
            ..credentials("bot", Role::Ingest)
        };
        Users::new(vec![ada, bob, bot]).unwrap()
    }

    #[test]
    fn the_right_secret_and_no_other_lets_in() {
        let users = three();
        assert_eq!(
            users.by_password("ada", "lovelace"),
            Some(Identity::new("ada", Role::Admin))
        );
        assert_eq!(
            users.by_password("bob", "builder"),
            Some(Identity::new("bob", Role::Reader))
        );
        for (name, password) in [
            ("ada", "builder"),
            ("ada", ""),
            ("bot", ""),
            ("ghost", "lovelace"),
            ("", ""),
        ] {
            assert_eq!(users.by_password(name, password), None, "{name}");
        }
        let bot = users.by_token("a-token-of-the-pipeline").unwrap();
        assert_eq!(bot, Identity::new("bot", Role::Ingest));
        assert_eq!(users.by_token("a-token-of-the-pipelinE"), None);
        let names: Vec<String> = users.identities().into_iter().map(|one| one.user).collect();
        assert_eq!(names, ["ada", "bob", "bot"]);
    }

    #[test]
    fn a_changed_secret_changes_the_digest_and_nothing_else_does() {
        let of = |password: &str, role| {
            let ada = Credentials {
                password: Some(password.to_string()),
                ..credentials("ada", role)
            };
            Users::new(vec![ada]).unwrap().secrets_digest("ada").unwrap()
        };
        assert_eq!(of("one", Role::Reader), of("one", Role::Admin));
        assert_ne!(of("one", Role::Reader), of("two", Role::Reader));
        assert_eq!(three().secrets_digest("ghost"), None);
    }

    #[test]
    fn names_and_tokens_are_unique() {
        for names in [["ada", "ada"], ["", "bob"], ["bob", "line\nbreak"]] {
            let all = names.map(|name| credentials(name, Role::Reader)).to_vec();
            assert!(Users::new(all).is_err(), "{names:?}");
        }
        let with_token = |name| Credentials {
            token: Some(TokenDigest::of("a-token-of-the-pipeline")),
            ..credentials(name, Role::Reader)
        };
        assert!(Users::new(vec![with_token("ada"), with_token("bob")]).is_err());
    }

    #[test]
    fn digests_are_read_from_hexadecimal_digits() {
        // SHA-256 of the empty text, FIPS 180-4's well-known value.
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(empty.parse::<TokenDigest>().unwrap(), TokenDigest::of(""));
        for bad in ["", "e3b0", &empty.replace('e', "x"), &"é".repeat(32)] {
            assert!(bad.parse::<TokenDigest>().is_err(), "{bad}");
        }
    }
}
