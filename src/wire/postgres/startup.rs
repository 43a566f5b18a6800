//! The start of a connection: encryption requests, cancel requests, the protocol's version, user, database and settings.

use std::collections::BTreeMap;

use bytes::{Buf, Bytes};
use pgwire::messages::response::{GssEncResponse, SslResponse};
use pgwire::messages::startup::NegotiateProtocolVersion;

use super::frontend::{utf8, violation};
use super::io::{Io, Outcome, Stop};
use crate::error::{Error, ErrorKind, Result};
use crate::session::{DATABASE, Session};

const SSL_REQUEST: i32 = 80_877_103;
const GSS_ENCRYPTION_REQUEST: i32 = 80_877_104;
const CANCEL_REQUEST: i32 = 80_877_102;
const PROTOCOL_3_0: i32 = 196_608;

/// What the client wants of this connection.
pub enum Request {
    Session(Parameters),
    /// TLS, and it has been told to go on.
    Encryption,
    Cancel {
        pid: i32,
        secret: i32,
    },
}

/// The start-up message's parameters.
pub struct Parameters {
    pub user: String,
    pub database: String,
    /// Settings in the order in which they take effect.
    settings: Vec<(String, String)>,
}

/// What a client may ask only once.
#[derive(Debug, Default)]
pub struct Asked {
    tls: bool,
    gss: bool,
}

impl Asked {
    /// Inside an encrypted connection no other is begun.
    pub fn everything() -> Self {
        Self { tls: true, gss: true }
    }
}

/// Reads packets until the client says what it wants.
pub async fn negotiate(io: &mut Io, asked: &mut Asked, offers_tls: bool) -> Outcome<Request> {
    loop {
        let mut packet = io.startup_packet().await?;
        let code = packet.get_i32();
        match code {
            SSL_REQUEST if !asked.tls => {
                asked.tls = true;
                if offers_tls {
                    answer_encryption(io, "SSL", SslResponse::BYTE_ACCEPT).await?;
                    return Ok(Request::Encryption);
                }
                answer_encryption(io, "SSL", SslResponse::BYTE_REFUSE).await?;
            }
            GSS_ENCRYPTION_REQUEST if !asked.gss => {
                asked.gss = true;
                answer_encryption(io, "GSSAPI encryption", GssEncResponse::BYTE_REFUSE).await?;
            }
            CANCEL_REQUEST => {
                if packet.remaining() != 8 {
                    return Err(Stop::Fatal(violation("invalid length of cancel request packet")));
                }
                return Ok(Request::Cancel {
                    pid: packet.get_i32(),
                    secret: packet.get_i32(),
                });
            }
            version if version >> 16 == 3 => return session_request(io, version, packet),
            version => {
                let (major, minor) = (version >> 16, version & 0xffff);
                return Err(Stop::Fatal(Error::not_supported(format!(
                    "unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.0"
                ))));
            }
        }
    }
}

/// Answers an encryption request. Whatever was sent behind it before the answer may come from somebody else.
async fn answer_encryption(io: &mut Io, request: &str, answer: u8) -> Outcome {
    if io.has_unread() {
        let error = violation(format!("received unencrypted data after {request} request")).with_detail(
            "This could be either a client-software bug or evidence of an attempted man-in-the-middle attack.",
        );
        return Err(Stop::Fatal(error));
    }
    io.outbox().extend_from_slice(&[answer]);
    io.flush().await
}

fn session_request(io: &mut Io, version: i32, packet: Bytes) -> Outcome<Request> {
    let raw = raw_parameters(packet).map_err(Stop::Fatal)?;
    let unsupported: Vec<String> = raw
        .iter()
        .map(|(name, _)| name.clone())
        .filter(|name| name.starts_with("_pq_."))
        .collect();
    if version != PROTOCOL_3_0 || !unsupported.is_empty() {
        io.put(&NegotiateProtocolVersion::new(PROTOCOL_3_0, unsupported))?;
    }
    parameters(raw).map(Request::Session).map_err(Stop::Fatal)
}

fn raw_parameters(packet: Bytes) -> Result<Vec<(String, String)>> {
    let malformed = || violation("invalid startup packet layout: expected terminator as last byte");
    let mut texts = packet.split(|byte| *byte == 0);
    let mut raw = Vec::new();
    loop {
        let name = texts.next().ok_or_else(malformed)?;
        if name.is_empty() {
            // Behind the empty name stands the packet's end.
            return match (texts.next(), texts.next()) {
                (Some([]), None) => Ok(raw),
                _ => Err(malformed()),
            };
        }
        let value = texts.next().ok_or_else(malformed)?;
        raw.push((utf8(name)?.to_string(), utf8(value)?.to_string()));
    }
}

fn parameters(raw: Vec<(String, String)>) -> Result<Parameters> {
    let mut known = BTreeMap::new();
    let mut from_options = Vec::new();
    let mut settings = Vec::new();
    for (name, value) in raw {
        match name.as_str() {
            "user" | "database" => {
                known.insert(name, value);
            }
            "options" => from_options = command_line_settings(&value)?,
            "replication" => refuse_replication(&value)?,
            _ if name.starts_with("_pq_.") => {}
            _ => settings.push((name, value)),
        }
    }
    let user = known
        .remove("user")
        .filter(|user| !user.is_empty())
        .ok_or_else(no_user_name)?;
    // As in PostgreSQL, who names no database means the one of the user's name.
    let database = known
        .remove("database")
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| user.clone());
    from_options.extend(settings);
    Ok(Parameters {
        user,
        database,
        settings: from_options,
    })
}

fn no_user_name() -> Error {
    Error::new(
        ErrorKind::InvalidAuthorization,
        "no PostgreSQL user name specified in startup packet",
    )
}

fn refuse_replication(value: &str) -> Result<()> {
    match value.to_lowercase().as_str() {
        "false" | "off" | "no" | "0" | "f" | "n" => Ok(()),
        _ => Err(Error::not_supported("replication connections are not supported")),
    }
}

/// `-c name=value`, `-cname=value` and `--name=value`, separated by spaces; a backslash keeps the next character.
fn command_line_settings(options: &str) -> Result<Vec<(String, String)>> {
    let mut words = split_words(options).into_iter();
    let mut settings = Vec::new();
    while let Some(word) = words.next() {
        let (assignment, long) = if word == "-c" || word == "--" {
            (words.next().unwrap_or_default(), false)
        } else if let Some(rest) = word.strip_prefix("--") {
            (rest.to_string(), true)
        } else if let Some(rest) = word.strip_prefix("-c") {
            (rest.to_string(), false)
        } else {
            return Err(Error::new(
                ErrorKind::Syntax,
                format!("invalid command-line argument for server process: {word}"),
            )
            .with_hint("settings are given as -c name=value"));
        };
        let Some((name, value)) = assignment.split_once('=') else {
            return Err(Error::new(
                ErrorKind::Syntax,
                format!("{}{assignment} requires a value", if long { "--" } else { "-c " }),
            ));
        };
        settings.push((name.replace('-', "_"), value.to_string()));
    }
    Ok(settings)
}

fn split_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => word.get_or_insert_default().extend(characters.next()),
            other if other.is_whitespace() => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}

/// Refuses a database that is not there.
pub fn check_database(name: &str) -> Result<()> {
    if name == DATABASE {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::InvalidDatabase,
        format!("database \"{name}\" does not exist"),
    )
    .with_hint(format!(
        "the database is called {DATABASE}; psql takes it with -d {DATABASE}"
    )))
}

/// Puts the client's settings into the new session.
pub fn apply_settings(session: &mut Session, parameters: &Parameters) -> Result<()> {
    for (name, value) in &parameters.settings {
        session.settings_mut().set_at_start(name, value)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_split_as_a_command_line() {
        let settings = command_line_settings(r"-c statement_timeout=5s --search-path=a\ b -cTimeZone=UTC").unwrap();
        let expected = [("statement_timeout", "5s"), ("search_path", "a b"), ("TimeZone", "UTC")];
        assert_eq!(
            settings,
            expected.map(|(name, value)| (name.to_string(), value.to_string()))
        );
        assert_eq!(command_line_settings("-B 100").unwrap_err().kind, ErrorKind::Syntax);
    }

    #[test]
    fn a_startup_packet_ends_with_its_terminator() {
        let good = Bytes::from_static(b"user\0me\0database\0db\0\0");
        assert_eq!(raw_parameters(good).unwrap().len(), 2);
        for bad in [&b"user\0me\0"[..], b"user\0", b"user", b"", b"user\0me\0\0more"] {
            assert!(raw_parameters(Bytes::copy_from_slice(bad)).is_err(), "{bad:?}");
        }
    }
}
