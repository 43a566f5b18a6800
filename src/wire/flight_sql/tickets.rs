//! Tickets: what a FlightInfo hands out and DoGet takes back. Opaque to clients, signed, bound to a user, expiring.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arrow::datatypes::Schema;
use arrow_flight::sql::{Any, Command, ProstMessageExt, TicketStatementQuery};
use arrow_flight::{IpcMessage, SchemaAsIpc};
use bytes::Bytes;
use prost::Message;

use super::seal::{Purpose, Seal, random_id};
use crate::error::{Error, ErrorKind, Result};

/// What a ticket stands for.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Errand {
    /// Run this statement.
    #[prost(string, tag = "4")]
    Statement(String),
    /// Run a prepared statement with the parameters that were bound when the ticket was made.
    #[prost(message, tag = "5")]
    Prepared(PreparedErrand),
    /// Answer a catalog call: the command as the client sent it.
    #[prost(bytes = "bytes", tag = "6")]
    Catalog(Bytes),
}

/// A prepared statement and one set of its bound parameters; 0 is before any were bound.
#[derive(Clone, PartialEq, Message)]
pub struct PreparedErrand {
    #[prost(bytes = "bytes", tag = "1")]
    pub handle: Bytes,
    #[prost(uint64, tag = "2")]
    pub binding: u64,
}

#[derive(Clone, PartialEq, Message)]
struct Claims {
    #[prost(bytes = "bytes", tag = "1")]
    id: Bytes,
    #[prost(string, tag = "2")]
    user: String,
    #[prost(uint64, tag = "3")]
    expires_at_unix_ms: u64,
    #[prost(oneof = "Errand", tags = "4, 5, 6")]
    errand: Option<Errand>,
    #[prost(bytes = "bytes", tag = "7")]
    schema_digest: Bytes,
}

/// A ticket that has been checked.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenTicket {
    /// Names the download, so that it can be cancelled.
    pub id: Bytes,
    pub errand: Errand,
    schema_digest: Bytes,
}

impl OpenTicket {
    /// Fails if the rows would not look as the FlightInfo promised.
    pub fn check_schema(&self, schema: &Schema) -> Result<()> {
        if digest(schema)? == self.schema_digest {
            return Ok(());
        }
        Err(
            Error::not_supported("the result's columns have changed since this ticket was made")
                .with_hint("ask for the flight info again"),
        )
    }
}

/// Makes a ticket for a user.
pub fn issue(seal: &Seal, user: &str, errand: Errand, schema: &Schema, lifetime: Duration) -> Result<Bytes> {
    let claims = Claims {
        id: random_id()?.to_vec().into(),
        user: user.to_string(),
        expires_at_unix_ms: unix_ms().saturating_add(u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX)),
        errand: Some(errand),
        schema_digest: digest(schema)?,
    };
    let ticket = TicketStatementQuery {
        statement_handle: seal.close(Purpose::Ticket, &claims.encode_to_vec()).into(),
    };
    Ok(ticket.as_any().encode_to_vec().into())
}

/// Checks a ticket that a user brings.
pub fn open(seal: &Seal, user: &str, ticket: &[u8]) -> Result<OpenTicket> {
    let claims = own_claims(seal, user, ticket)?;
    if claims.expires_at_unix_ms <= unix_ms() {
        return Err(Error::new(ErrorKind::UndefinedObject, "this ticket has expired")
            .with_hint("ask for the flight info again"));
    }
    let errand = claims
        .errand
        .ok_or_else(|| Error::internal("a ticket without an errand"))?;
    Ok(OpenTicket {
        id: claims.id,
        errand,
        schema_digest: claims.schema_digest,
    })
}

/// The download that a ticket names. A download may still run when its ticket has expired.
pub fn download_id(seal: &Seal, user: &str, ticket: &[u8]) -> Result<Bytes> {
    own_claims(seal, user, ticket).map(|claims| claims.id)
}

fn own_claims(seal: &Seal, user: &str, ticket: &[u8]) -> Result<Claims> {
    let claims = claims(seal, ticket).ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidParameterValue,
            "this ticket was not made by this server",
        )
        .with_hint("tickets come from the flight info of a statement and do not outlive the server's process")
    })?;
    if claims.user != user {
        return Err(Error::new(
            ErrorKind::InsufficientPrivilege,
            "permission denied: this ticket belongs to another user",
        ));
    }
    Ok(claims)
}

fn claims(seal: &Seal, ticket: &[u8]) -> Option<Claims> {
    let message = Any::decode(ticket).ok()?;
    let Ok(Command::TicketStatementQuery(query)) = Command::try_from(message) else {
        return None;
    };
    let payload = seal.open(Purpose::Ticket, &query.statement_handle)?;
    Claims::decode(payload).ok()
}

fn digest(schema: &Schema) -> Result<Bytes> {
    let encoded = schema_bytes(schema)?;
    let digest = ring::digest::digest(&ring::digest::SHA256, &encoded);
    Ok(Bytes::copy_from_slice(digest.as_ref()))
}

/// A schema as an encapsulated IPC message, the form that FlightInfo and SchemaResult carry.
pub fn schema_bytes(schema: &Schema) -> Result<Bytes> {
    let options = arrow::ipc::writer::IpcWriteOptions::default();
    let IpcMessage(bytes) = SchemaAsIpc::new(schema, &options)
        .try_into()
        .map_err(|_| Error::internal("a result's schema cannot be encoded"))?;
    Ok(bytes)
}

pub fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(seal: &Seal, user: &str, lifetime: Duration) -> Bytes {
        let errand = Errand::Statement("SELECT 1".to_string());
        issue(seal, user, errand, &Schema::empty(), lifetime).unwrap()
    }

    #[test]
    fn a_ticket_opens_for_its_user_until_it_expires() {
        let seal = Seal::new().unwrap();
        let good = ticket(&seal, "ada", Duration::from_secs(60));
        let opened = open(&seal, "ada", &good).unwrap();
        assert_eq!(opened.errand, Errand::Statement("SELECT 1".to_string()));
        let foreign = open(&seal, "bob", &good).unwrap_err();
        assert_eq!(foreign.kind, ErrorKind::InsufficientPrivilege);
        let expired = open(&seal, "ada", &ticket(&seal, "ada", Duration::ZERO)).unwrap_err();
        assert_eq!(expired.message, "this ticket has expired");
    }

    #[test]
    fn a_changed_or_foreign_ticket_does_not_open() {
        let seal = Seal::new().unwrap();
        let good = ticket(&seal, "ada", Duration::from_secs(60));
        for index in 0..good.len() {
            let mut forged = good.to_vec();
            forged[index] ^= 0x20;
            assert!(open(&seal, "ada", &forged).is_err(), "byte {index}");
        }
        let other = Seal::new().unwrap();
        assert!(open(&other, "ada", &good).is_err());
        assert!(open(&seal, "ada", b"SELECT 1").is_err());
        assert!(open(&seal, "ada", b"").is_err());
    }

    #[test]
    fn a_ticket_remembers_the_promised_columns() {
        let seal = Seal::new().unwrap();
        let opened = open(&seal, "ada", &ticket(&seal, "ada", Duration::from_secs(60))).unwrap();
        assert!(opened.check_schema(&Schema::empty()).is_ok());
        let other = Schema::new(vec![arrow::datatypes::Field::new(
            "x",
            arrow::datatypes::DataType::Int64,
            true,
        )]);
        assert!(opened.check_schema(&other).is_err());
    }
}
