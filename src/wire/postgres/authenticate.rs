//! Asking a client who it is: nothing where no users are configured, SCRAM-SHA-256 where they are.

use bytes::{Buf, Bytes};
use pgwire::messages::startup::Authentication;

use super::frontend::{utf8, violation};
use super::io::{Io, Outcome, Stop};
use super::scram::{Binding, Exchange, Verdict};
use super::startup::Parameters;
use crate::access::Identity;
use crate::error::{Error, ErrorKind};
use crate::wire::auth::{Access, Peer, wrong_password};

const PROTOCOL: &str = "postgres";

/// Where a connection comes from and what protects it.
#[derive(Debug, Clone)]
pub struct Origin {
    pub peer: Peer,
    pub encrypted: bool,
    /// What an exchange can be bound to, for an encrypted connection.
    pub end_point: Option<Vec<u8>>,
}

impl Origin {
    pub fn plain(peer: Peer) -> Self {
        Self {
            peer,
            encrypted: false,
            end_point: None,
        }
    }
}

/// PostgreSQL's words for a connection that its rules have no place for.
pub fn not_encrypted(parameters: &Parameters, peer: Peer) -> Error {
    Error::new(
        ErrorKind::InvalidAuthorization,
        format!(
            "no pg_hba.conf entry for host \"{peer}\", user \"{}\", database \"{}\", no encryption",
            parameters.user, parameters.database
        ),
    )
    .with_hint("this server takes encrypted connections only: connect with sslmode=require")
}

/// Lets the client in under the name it gave, or ends the connection.
pub async fn authenticate(io: &mut Io, access: &Access, origin: &Origin, parameters: &Parameters) -> Outcome<Identity> {
    let user = parameters.user.as_str();
    let policy = access.policy();
    if let Some(identity) = policy.trusted(user, origin.peer) {
        return Ok(identity);
    }
    let binding = Binding {
        end_point: origin.end_point.as_deref(),
    };
    io.put(&Authentication::SASL(binding.mechanisms()))
        .map_err(Stop::Fatal)?;
    io.flush().await?;
    let (mechanism, client_first) = initial_response(io.password_message().await?).map_err(Stop::Fatal)?;
    let begun = Exchange::begin(&mechanism, &client_first, binding, policy.users.verifier(user));
    let exchange = begun.map_err(Stop::Fatal)?;
    let server_first = Bytes::from(exchange.server_first.clone());
    io.put(&Authentication::SASLContinue(server_first))
        .map_err(Stop::Fatal)?;
    io.flush().await?;
    let last = io.password_message().await?;
    let verdict = match utf8(&last).and_then(|last| exchange.finish(last)) {
        Ok(verdict) => verdict,
        Err(error) => {
            access.failed(PROTOCOL, origin.peer, user, &error.message).await;
            return Err(Stop::Fatal(error));
        }
    };
    match (verdict, policy.users.identity(user)) {
        (Verdict::Proven(signature), Some(identity)) => {
            io.put(&Authentication::SASLFinal(signature.into()))
                .map_err(Stop::Fatal)?;
            Ok(identity)
        }
        _ => {
            access
                .failed(PROTOCOL, origin.peer, user, "wrong user or password")
                .await;
            Err(Stop::Fatal(wrong_password(user)))
        }
    }
}

/// The mechanism's name, then the length of the data and the data.
fn initial_response(mut body: Bytes) -> crate::error::Result<(String, String)> {
    let end = body.iter().position(|byte| *byte == 0);
    let end = end.ok_or_else(|| violation("invalid string in message"))?;
    let mechanism = utf8(&body.split_to(end))?.to_string();
    body.advance(1);
    let length = body
        .try_get_i32()
        .map_err(|_| violation("insufficient data left in message"))?;
    // -1 is no data, which this mechanism does not allow.
    if usize::try_from(length) != Ok(body.len()) {
        return Err(violation("insufficient data left in message"));
    }
    Ok((mechanism, utf8(&body)?.to_string()))
}
