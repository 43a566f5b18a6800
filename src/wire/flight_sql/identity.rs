//! Who is calling: the `authorization` header, and the handshake that turns a name and a password into a bearer token.

use std::time::Duration;

use arrow_flight::BasicAuth;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;
use prost::Message;
use tonic::metadata::MetadataMap;

use super::seal::{Purpose, Seal};
use super::tickets::unix_ms;
use crate::access::{Identity, Users};
use crate::error::{Error, ErrorKind, Result};
use crate::wire::auth::{Peer, Policy, wrong_password};

/// Who calls without saying so. Only where no users are configured is anybody let in like this.
pub const ANONYMOUS: &str = "anonymous";

/// PostgreSQL's limit on names.
const MAX_NAME_BYTES: usize = 63;

/// Arrow's Go client leaves the padding out.
const BASE64_ANY_PADDING: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a call says of its caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    Nothing,
    /// A name and a password.
    Basic(String, String),
    /// A token of a handshake, or one of the configuration.
    Bearer(String),
}

#[derive(Clone, PartialEq, Message)]
struct TokenClaims {
    #[prost(string, tag = "1")]
    user: String,
    #[prost(uint64, tag = "2")]
    expires_at_unix_ms: u64,
    /// Of the user's secrets, so that a token ends with the password that it was made for.
    #[prost(bytes = "vec", tag = "3")]
    secrets_digest: Vec<u8>,
}

/// Reads a call's metadata.
pub fn claim(metadata: &MetadataMap) -> Result<Claim> {
    if let Some(token) = metadata.get_bin("auth-token-bin") {
        let token = token.to_bytes().map_err(|_| unreadable())?;
        return Ok(Claim::Bearer(String::from_utf8_lossy(&token).into_owned()));
    }
    let Some(header) = metadata.get("authorization") else {
        return Ok(Claim::Nothing);
    };
    let header = header.to_str().map_err(|_| unreadable())?.trim();
    let (scheme, credentials) = header.split_once(' ').ok_or_else(unreadable)?;
    let credentials = credentials.trim();
    if scheme.eq_ignore_ascii_case("basic") {
        return basic(credentials);
    }
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Claim::Bearer(credentials.to_string()));
    }
    Err(unreadable())
}

/// A handshake's claim: from the header, as most clients send it, or from the older BasicAuth payload.
pub fn handshake_claim(metadata: &MetadataMap, payload: &[u8]) -> Result<Claim> {
    if !metadata.contains_key("authorization")
        && let Ok(basic) = BasicAuth::decode(payload)
        && !basic.username.is_empty()
    {
        return Ok(Claim::Basic(checked_name(basic.username)?, basic.password));
    }
    claim(metadata)
}

/// A bearer token for somebody who has been let in.
pub fn token(seal: &Seal, users: &Users, user: &str, lifetime: Duration) -> String {
    let claims = TokenClaims {
        user: user.to_string(),
        expires_at_unix_ms: unix_ms().saturating_add(u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX)),
        secrets_digest: digest(users, user),
    };
    BASE64_STANDARD.encode(seal.close(Purpose::Token, &claims.encode_to_vec()))
}

/// The user of a token that this process made, that has not expired, and whose user still has the same secrets.
fn user_of_token(seal: &Seal, users: &Users, token: &str) -> Option<String> {
    let sealed = BASE64_STANDARD.decode(token).ok()?;
    let claims = TokenClaims::decode(seal.open(Purpose::Token, &sealed)?).ok()?;
    let good = claims.expires_at_unix_ms > unix_ms() && claims.secrets_digest == digest(users, &claims.user);
    good.then_some(claims.user)
}

fn digest(users: &Users, user: &str) -> Vec<u8> {
    users
        .secrets_digest(user)
        .map_or_else(Vec::new, |digest| digest.to_vec())
}

/// Somebody under the name of the claim, where nobody is asked to prove it; `None` where users are configured.
/// A token that is not ours is as good as none.
pub fn trusted(policy: &Policy, seal: &Seal, claim: &Claim, peer: Peer) -> Option<Identity> {
    let name = match claim {
        Claim::Basic(name, _) => Some(name.clone()),
        Claim::Bearer(token) => user_of_token(seal, &policy.users, token),
        Claim::Nothing => None,
    };
    policy.trusted(name.as_deref().unwrap_or(ANONYMOUS), peer)
}

/// The user who has proved to be one.
pub fn proved(policy: &Policy, seal: &Seal, claim: &Claim) -> Result<Identity> {
    let users = &policy.users;
    match claim {
        Claim::Nothing => Err(Error::new(
            ErrorKind::InvalidAuthorization,
            "this server asks who is calling: no credentials were sent",
        )
        .with_hint("send \"Basic\" with base64 of name:password, or \"Bearer\" with a token")),
        Claim::Basic(name, password) => users.by_password(name, password).ok_or_else(|| wrong_password(name)),
        Claim::Bearer(token) => user_of_token(seal, users, token)
            .and_then(|user| users.identity(&user))
            .or_else(|| users.by_token(token))
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidAuthorization,
                    "the bearer token is not valid, or has expired",
                )
                .with_hint("log in again: tokens of a handshake do not outlive the server's process")
            }),
    }
}

fn basic(credentials: &str) -> Result<Claim> {
    let decoded = BASE64_ANY_PADDING.decode(credentials).map_err(|_| unreadable())?;
    let text = String::from_utf8(decoded).map_err(|_| unreadable())?;
    let (name, password) = text.split_once(':').ok_or_else(unreadable)?;
    Ok(Claim::Basic(checked_name(name.to_string())?, password.to_string()))
}

fn checked_name(name: String) -> Result<String> {
    if name.is_empty() {
        return Ok(ANONYMOUS.to_string());
    }
    if name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
        return Err(Error::new(
            ErrorKind::InvalidAuthorization,
            format!("a user name has at most {MAX_NAME_BYTES} bytes and no control characters"),
        ));
    }
    Ok(name)
}

fn unreadable() -> Error {
    Error::new(
        ErrorKind::InvalidAuthorization,
        "the authorization header cannot be read",
    )
    .with_hint("send \"Basic\" with base64 of name:password, or \"Bearer\" with the token of a handshake")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Credentials, Role, TokenDigest};
    use crate::wire::auth::Access;

    const HOUR: Duration = Duration::from_secs(3600);

    fn metadata(value: &str) -> MetadataMap {
        let mut metadata = MetadataMap::new();
        metadata.insert("authorization", value.parse().unwrap());
        metadata
    }

    fn policy(password: &str) -> Policy {
        let ada = Credentials {
            name: "ada".to_string(),
            role: Role::Reader,
            verifier: None,
            password: Some(password.to_string()),
            token: Some(TokenDigest::of("a-token-of-the-pipeline")),
        };
        Policy {
            users: Users::new(vec![ada]).unwrap(),
            trusted_role: Role::Admin,
        }
    }

    fn basic_of(name: &str, password: &str) -> Claim {
        Claim::Basic(name.to_string(), password.to_string())
    }

    #[test]
    fn claims_are_read_from_headers() {
        let header = format!("Basic {}", BASE64_STANDARD.encode("ada:secret:with:colons"));
        assert_eq!(
            claim(&metadata(&header)).unwrap(),
            basic_of("ada", "secret:with:colons")
        );
        let unpadded = claim(&metadata("Basic YWRhOng")).unwrap();
        assert_eq!(unpadded, basic_of("ada", "x"));
        assert_eq!(claim(&metadata("bearer x")).unwrap(), Claim::Bearer("x".to_string()));
        assert_eq!(claim(&MetadataMap::new()).unwrap(), Claim::Nothing);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for header in ["Basic", "Basic !!!", "Basic YWRh", "Digest x"] {
            let error = claim(&metadata(header)).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidAuthorization, "{header}");
        }
        let control = format!("Basic {}", BASE64_STANDARD.encode("a\nb:c"));
        assert!(claim(&metadata(&control)).is_err());
    }

    #[test]
    fn a_handshake_takes_the_older_payload() {
        let payload = BasicAuth {
            username: "ada".to_string(),
            password: "secret".to_string(),
        };
        let read = handshake_claim(&MetadataMap::new(), &payload.encode_to_vec());
        assert_eq!(read.unwrap(), basic_of("ada", "secret"));
        assert_eq!(handshake_claim(&MetadataMap::new(), b"").unwrap(), Claim::Nothing);
    }

    #[test]
    fn without_users_everybody_has_the_name_they_give() {
        let (access, seal) = (Access::without_users(), Seal::new().unwrap());
        let policy = access.policy();
        let name = |claim: &Claim| trusted(&policy, &seal, claim, Peer::Local).unwrap().user;
        assert_eq!(name(&basic_of("ada", "anything")), "ada");
        assert_eq!(name(&Claim::Bearer(token(&seal, &policy.users, "ada", HOUR))), "ada");
        assert_eq!(name(&Claim::Bearer("something".to_string())), ANONYMOUS);
        assert_eq!(name(&Claim::Nothing), ANONYMOUS);
    }

    #[test]
    fn with_users_a_claim_has_to_be_proved() {
        let (policy, seal) = (policy("lovelace"), Seal::new().unwrap());
        assert_eq!(trusted(&policy, &seal, &basic_of("ada", "lovelace"), Peer::Local), None);
        let user = |claim: &Claim| proved(&policy, &seal, claim).map(|identity| identity.user).ok();
        let ada = Some("ada".to_string());
        assert_eq!(user(&basic_of("ada", "lovelace")), ada);
        assert_eq!(user(&Claim::Bearer("a-token-of-the-pipeline".to_string())), ada);
        assert_eq!(user(&Claim::Bearer(token(&seal, &policy.users, "ada", HOUR))), ada);
        for wrong in [
            Claim::Nothing,
            basic_of("ada", "byron"),
            basic_of("ghost", "lovelace"),
            Claim::Bearer("something".to_string()),
            Claim::Bearer(token(&seal, &policy.users, "ghost", HOUR)),
            Claim::Bearer(token(&seal, &policy.users, "ada", Duration::ZERO)),
            Claim::Bearer(token(&Seal::new().unwrap(), &policy.users, "ada", HOUR)),
        ] {
            assert_eq!(user(&wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_new_password_ends_the_tokens_of_the_old_one() {
        let (old, new, seal) = (policy("lovelace"), policy("byron"), Seal::new().unwrap());
        let claim = Claim::Bearer(token(&seal, &old.users, "ada", HOUR));
        assert!(proved(&old, &seal, &claim).is_ok());
        assert!(proved(&new, &seal, &claim).is_err());
    }
}
