//! Who is calling: the `authorization` header, and the handshake that turns a name into a bearer token.

use arrow_flight::BasicAuth;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;
use prost::Message;
use tonic::metadata::MetadataMap;

use super::seal::{Purpose, Seal};
use crate::error::{Error, ErrorKind, Result};

/// Who calls without saying so. Only where no users are configured is anybody let in like this.
pub const ANONYMOUS: &str = "anonymous";

/// PostgreSQL's limit on names.
const MAX_NAME_BYTES: usize = 63;

/// Arrow's Go client leaves the padding out.
const BASE64_ANY_PADDING: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The user that a call's metadata names.
pub fn user(seal: &Seal, metadata: &MetadataMap) -> Result<String> {
    if let Some(token) = metadata.get_bin("auth-token-bin") {
        let token = token.to_bytes().map_err(|_| unreadable())?;
        return Ok(user_of_token(seal, &token));
    }
    let Some(header) = metadata.get("authorization") else {
        return Ok(ANONYMOUS.to_string());
    };
    let header = header.to_str().map_err(|_| unreadable())?.trim();
    let (scheme, credentials) = header.split_once(' ').ok_or_else(unreadable)?;
    let credentials = credentials.trim();
    if scheme.eq_ignore_ascii_case("basic") {
        return basic_user(credentials);
    }
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(user_of_token(seal, credentials.as_bytes()));
    }
    Err(unreadable())
}

/// The user of a handshake: from the header, as most clients send it, or from the older BasicAuth payload.
pub fn handshake_user(seal: &Seal, metadata: &MetadataMap, payload: &[u8]) -> Result<String> {
    if !metadata.contains_key("authorization")
        && let Ok(basic) = BasicAuth::decode(payload)
        && !basic.username.is_empty()
    {
        return checked_name(basic.username);
    }
    user(seal, metadata)
}

/// A bearer token for a user who has been let in.
pub fn token(seal: &Seal, user: &str) -> String {
    BASE64_STANDARD.encode(seal.close(Purpose::Token, user.as_bytes()))
}

/// A token of ours names its user. Without configured users any other token is as good as none.
fn user_of_token(seal: &Seal, token: &[u8]) -> String {
    let named = || {
        let sealed = BASE64_STANDARD.decode(token).ok()?;
        let user = seal.open(Purpose::Token, &sealed)?;
        String::from_utf8(user.to_vec()).ok()
    };
    named().unwrap_or_else(|| ANONYMOUS.to_string())
}

fn basic_user(credentials: &str) -> Result<String> {
    let decoded = BASE64_ANY_PADDING.decode(credentials).map_err(|_| unreadable())?;
    let text = String::from_utf8(decoded).map_err(|_| unreadable())?;
    let (name, _password) = text.split_once(':').ok_or_else(unreadable)?;
    checked_name(name.to_string())
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

    fn metadata(value: &str) -> MetadataMap {
        let mut metadata = MetadataMap::new();
        metadata.insert("authorization", value.parse().unwrap());
        metadata
    }

    #[test]
    fn names_come_from_basic_and_from_our_tokens() {
        let seal = Seal::new().unwrap();
        let basic = format!("Basic {}", BASE64_STANDARD.encode("ada:secret:with:colons"));
        assert_eq!(user(&seal, &metadata(&basic)).unwrap(), "ada");
        assert_eq!(
            user(&seal, &metadata("Basic YWRhOng")).unwrap(),
            "ada",
            "without padding"
        );
        let bearer = format!("Bearer {}", token(&seal, "ada"));
        assert_eq!(user(&seal, &metadata(&bearer)).unwrap(), "ada");
        assert_eq!(user(&seal, &metadata("bearer something")).unwrap(), ANONYMOUS);
        assert_eq!(user(&seal, &MetadataMap::new()).unwrap(), ANONYMOUS);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let seal = Seal::new().unwrap();
        for header in ["Basic", "Basic !!!", "Basic YWRh", "Digest x"] {
            let error = user(&seal, &metadata(header)).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidAuthorization, "{header}");
        }
        let control = format!("Basic {}", BASE64_STANDARD.encode("a\nb:c"));
        assert!(user(&seal, &metadata(&control)).is_err());
    }

    #[test]
    fn a_handshake_takes_the_older_payload() {
        let seal = Seal::new().unwrap();
        let payload = BasicAuth {
            username: "ada".to_string(),
            password: "secret".to_string(),
        };
        let named = handshake_user(&seal, &MetadataMap::new(), &payload.encode_to_vec());
        assert_eq!(named.unwrap(), "ada");
        assert_eq!(handshake_user(&seal, &MetadataMap::new(), b"").unwrap(), ANONYMOUS);
    }
}
