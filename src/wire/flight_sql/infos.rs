//! GetFlightInfo, GetSchema and ListFlights: what a descriptor stands for, planned but not run.

use arrow::datatypes::SchemaRef;
use arrow_flight::flight_descriptor::DescriptorType;
use arrow_flight::sql::{Any, Command};
use arrow_flight::{Criteria, FlightDescriptor, FlightEndpoint, FlightInfo, Ticket};
use bytes::Bytes;
use prost::Message;

use super::results::StatementMeter;
use super::service::FlightSql;
use super::tickets::{self, Errand, PreparedErrand};
use super::{catalog, parameters, statements};
use crate::error::{Error, ErrorKind, Result};
use crate::session::{DATABASE, PUBLIC_SCHEMA, Session};

/// A descriptor is repeated in its answer unless it is longer than this: clients limit the size of answers.
const MAX_REPEATED_DESCRIPTOR_BYTES: usize = 64 << 10;

/// What a descriptor stands for, and the columns it will give.
struct Target {
    errand: Errand,
    schema: SchemaRef,
}

impl FlightSql {
    pub async fn info(&self, mut session: Session, descriptor: FlightDescriptor) -> Result<FlightInfo> {
        let target = self.target(&mut session, &descriptor).await?;
        let info = self.info_of(session.user(), target)?;
        Ok(if descriptor.encoded_len() <= MAX_REPEATED_DESCRIPTOR_BYTES {
            info.with_descriptor(descriptor)
        } else {
            info
        })
    }

    pub async fn schema(&self, mut session: Session, descriptor: &FlightDescriptor) -> Result<Bytes> {
        let target = self.target(&mut session, descriptor).await?;
        tickets::schema_bytes(&target.schema)
    }

    /// One flight for every relation whose name contains the criteria's text.
    pub fn list(&self, session: &Session, criteria: &Criteria) -> Result<Vec<FlightInfo>> {
        let wanted = std::str::from_utf8(&criteria.expression).map_err(|_| {
            Error::new(
                ErrorKind::CharacterNotInRepertoire,
                "the criteria must be text, a part of the relations' names",
            )
        })?;
        let known = self.engine.relations();
        catalog::relations(&known)
            .filter(|relation| relation.name.contains(wanted))
            .map(|relation| {
                let target = Target {
                    errand: Errand::Statement(all_rows(relation.schema_name, relation.name)),
                    schema: relation.columns(),
                };
                let path = if relation.schema_name == PUBLIC_SCHEMA {
                    vec![relation.name.to_string()]
                } else {
                    vec![relation.schema_name.to_string(), relation.name.to_string()]
                };
                let info = self.info_of(session.user(), target)?;
                Ok(info.with_descriptor(FlightDescriptor::new_path(path)))
            })
            .collect()
    }

    fn info_of(&self, user: &str, target: Target) -> Result<FlightInfo> {
        let lifetime = self.options.ticket_lifetime;
        let ticket = tickets::issue(&self.seal, user, target.errand, &target.schema, lifetime)?;
        let endpoint = FlightEndpoint::new().with_ticket(Ticket::new(ticket));
        let mut info = FlightInfo::new().with_endpoint(endpoint).with_ordered(true);
        info.schema = tickets::schema_bytes(&target.schema)?;
        Ok(info)
    }

    async fn target(&self, session: &mut Session, descriptor: &FlightDescriptor) -> Result<Target> {
        match descriptor.r#type() {
            DescriptorType::Path => self.statement(session, path_query(&descriptor.path)?).await,
            DescriptorType::Cmd => match flight_sql_command(&descriptor.cmd)? {
                Some(command) => self.command(session, command, &descriptor.cmd).await,
                None => self.statement(session, plain_sql(&descriptor.cmd)?).await,
            },
            DescriptorType::Unknown => Err(Error::new(
                ErrorKind::ProtocolViolation,
                "the descriptor is neither a path nor a command",
            )),
        }
    }

    async fn command(&self, session: &mut Session, command: Command, encoded: &Bytes) -> Result<Target> {
        match command {
            Command::CommandStatementQuery(query) => {
                check_no_transaction(query.transaction_id.as_ref())?;
                self.statement(session, query.query).await
            }
            Command::CommandPreparedStatementQuery(query) => {
                let handle = query.prepared_statement_handle;
                let (prepared, binding) = self.prepared.get(session.user(), &handle)?;
                Ok(Target {
                    errand: Errand::Prepared(PreparedErrand { handle, binding }),
                    schema: prepared.schema,
                })
            }
            Command::CommandStatementSubstraitPlan(_) => Err(no_substrait()),
            other => {
                let name = other.type_url().rsplit('.').next().unwrap_or_default().to_string();
                let answer = catalog::answer(other, &self.engine.relations(), &self.sql_info)?;
                let answer = answer.ok_or_else(|| {
                    Error::new(
                        ErrorKind::ProtocolViolation,
                        format!("the command {name} gives no rows"),
                    )
                })?;
                Ok(Target {
                    errand: Errand::Catalog(encoded.clone()),
                    schema: answer.schema(),
                })
            }
        }
    }

    async fn statement(&self, session: &mut Session, sql: String) -> Result<Target> {
        let planned = statements::plan(session, &sql, self.engine.limits().max_statement_bytes)
            .await
            .and_then(|prepared| {
                parameters::check_count(0, prepared.parameter_types.len())?;
                Ok(prepared.schema)
            });
        // A statement that does not plan never comes to DoGet, so it is counted here.
        let schema = planned.map_err(|error| StatementMeter::start(&self.metrics, session, &sql).failed(error))?;
        Ok(Target {
            errand: Errand::Statement(sql),
            schema,
        })
    }
}

/// The Flight SQL command of a descriptor; nothing where the bytes are something else, such as plain SQL.
pub fn flight_sql_command(bytes: &[u8]) -> Result<Option<Command>> {
    let Ok(message) = Any::decode(bytes) else {
        return Ok(None);
    };
    if !message.type_url.starts_with("type.googleapis.com/") {
        return Ok(None);
    }
    match Command::try_from(message) {
        Ok(Command::Unknown(other)) => Err(Error::not_supported(format!(
            "the command {} is not known",
            other.type_url.chars().take(100).collect::<String>()
        ))),
        Ok(command) => Ok(Some(command)),
        Err(_) => Err(Error::new(
            ErrorKind::ProtocolViolation,
            "the flight sql command cannot be read",
        )),
    }
}

pub fn check_no_transaction(id: Option<&Bytes>) -> Result<()> {
    match id {
        Some(id) if !id.is_empty() => Err(no_transactions()),
        _ => Ok(()),
    }
}

pub fn no_transactions() -> Error {
    Error::not_supported("transactions are not supported over flight sql")
        .with_hint("every statement sees the newest data; use autocommit")
}

pub fn no_substrait() -> Error {
    Error::not_supported("substrait plans are not supported").with_hint("send the query as sql")
}

fn plain_sql(bytes: &[u8]) -> Result<String> {
    match std::str::from_utf8(bytes) {
        Ok(sql) if !sql.contains('\0') => Ok(sql.to_string()),
        _ => Err(Error::new(
            ErrorKind::ProtocolViolation,
            "the descriptor's command is neither a flight sql command nor a query",
        )),
    }
}

/// The query for a path: `relation`, `schema / relation` or `database / schema / relation`.
fn path_query(path: &[String]) -> Result<String> {
    match path {
        [relation] => Ok(all_rows(PUBLIC_SCHEMA, relation)),
        [schema, relation] => Ok(all_rows(schema, relation)),
        [database, schema, relation] if database == DATABASE => Ok(all_rows(schema, relation)),
        [database, _, _] => Err(Error::new(
            ErrorKind::InvalidDatabase,
            format!("database \"{database}\" does not exist"),
        )
        .with_hint(format!("the database is called {DATABASE}"))),
        _ => Err(Error::new(
            ErrorKind::InvalidParameterValue,
            format!("a path has one to three parts, not {}", path.len()),
        )
        .with_hint("name a relation, such as error_aggregates")),
    }
}

fn all_rows(schema: &str, relation: &str) -> String {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    format!("SELECT * FROM {}.{}", quoted(schema), quoted(relation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_queries_with_quoted_names() {
        let query = |parts: &[&str]| path_query(&parts.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(query(&["t"]).unwrap(), r#"SELECT * FROM "public"."t""#);
        assert_eq!(query(&["a\"b", "t"]).unwrap(), r#"SELECT * FROM "a""b"."t""#);
        assert_eq!(
            query(&["other", "public", "t"]).unwrap_err().kind,
            ErrorKind::InvalidDatabase
        );
        assert!(query(&[]).is_err());
        assert!(query(&["a", "b", "c", "d"]).is_err());
    }

    #[test]
    fn plain_sql_is_told_from_commands() {
        assert!(flight_sql_command(b"SELECT 1").unwrap().is_none());
        assert!(flight_sql_command(b"").unwrap().is_none());
        let unknown = Any {
            type_url: "type.googleapis.com/some.Thing".to_string(),
            value: Bytes::new(),
        };
        let error = flight_sql_command(&unknown.encode_to_vec()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::FeatureNotSupported);
        assert!(plain_sql(&[0xff]).is_err());
    }
}
