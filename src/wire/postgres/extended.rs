//! The extended query protocol: Parse, Bind, Describe, Execute and Close, each answered when Sync or Flush comes.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use pgwire::messages::data::{NoData, ParameterDescription};
use pgwire::messages::extendedquery::{BindComplete, CloseComplete, ParseComplete, PortalSuspended};
use pgwire::messages::response::{CommandComplete, EmptyQueryResponse};

use super::connection::{Connection, NamedStatement, Portal, PortalState};
use super::decode;
use super::encode::{Style, Zone};
use super::frontend::{Bind, Target, violation};
use super::io::Outcome;
use super::rows::{DataRows, Rows};
use super::simple::row_tag;
use super::types::{Format, declared_type, named_type, postgres_type, row_description};
use super::utility::rows_wanted;
use crate::error::{Error, ErrorKind, Result};
use crate::session::statements::{self, FetchCount, Work};

impl Connection {
    pub async fn parse_statement(&mut self, name: String, sql: &str, type_oids: Vec<u32>) -> Outcome {
        self.check_statement_length(sql)?;
        if name.is_empty() {
            self.statements.remove("");
        } else if self.statements.contains_key(&name) {
            return Err(Error::new(
                ErrorKind::DuplicatePreparedStatement,
                format!("prepared statement \"{name}\" already exists"),
            )
            .into());
        }
        self.check_room_for_statement()?;
        self.record_statement(sql);
        let mut parsed = self.io.attend(&self.watch, self.session.parse(sql)).await?;
        if parsed.len() > 1 {
            return Err(Error::new(
                ErrorKind::Syntax,
                "cannot insert multiple commands into a prepared statement",
            )
            .into());
        }
        let named = match parsed.pop() {
            None => NamedStatement::empty(type_oids),
            Some(statement) => {
                self.begin_statement();
                self.check_not_aborted(&statement.work)?;
                self.named_statement(statement, type_oids).await?
            }
        };
        self.statements.insert(name, Arc::new(named));
        Ok(self.io.put(&ParseComplete::new())?)
    }

    /// Plans a statement and settles the types of its parameters.
    pub async fn named_statement(
        &mut self,
        statement: statements::ParsedStatement,
        type_oids: Vec<u32>,
    ) -> Outcome<NamedStatement> {
        let declared: Vec<_> = type_oids.iter().map(|oid| declared_type(*oid)).collect();
        let cursor_query = match &statement.work {
            Work::Declare { query, .. } => {
                let preparing = self.session.prepare(query.as_ref().clone(), &declared);
                Some(self.io.attend(&self.watch, preparing).await?)
            }
            _ => None,
        };
        let preparing = self.session.prepare(statement, &declared);
        let prepared = self.io.attend(&self.watch, preparing).await?;
        let mut named = NamedStatement {
            prepared: Some(prepared),
            parameter_oids: vec![],
            cursor_query,
        };
        let oids: Result<Vec<u32>> = named
            .parameter_types()
            .iter()
            .enumerate()
            .map(|(index, inferred)| match (type_oids.get(index), declared.get(index)) {
                (Some(oid), Some(Some(_))) => Ok(*oid),
                _ => {
                    let name = named.parameter_name(index);
                    let own = name.and_then(|name| named_type(name, inferred));
                    own.map_or_else(|| postgres_type(inferred), Ok).map(|found| found.oid())
                }
            })
            .collect();
        named.parameter_oids = oids?;
        Ok(named)
    }

    pub fn bind(&mut self, bind: Bind) -> Outcome {
        self.begin_statement();
        let named = Arc::clone(self.statement(&bind.statement)?);
        if let Some(prepared) = &named.prepared {
            self.check_not_aborted(&prepared.statement.work)?;
        }
        if bind.portal.is_empty() {
            self.portals.remove("");
        } else if self.portals.contains_key(&bind.portal) {
            return Err(Error::new(
                ErrorKind::DuplicateCursor,
                format!("cursor \"{}\" already exists", bind.portal),
            )
            .into());
        }
        self.check_room_for_portal()?;
        let zone = Zone::named(self.settings().time_zone());
        let parameters = bound_parameters(&named, &bind, zone)?;
        let columns = match self.result_schema(&named)? {
            Some(schema) => schema.fields().len(),
            None => 0,
        };
        let formats = result_formats(&bind.result_formats, columns)?;
        let portal = Portal {
            statement: named,
            parameters,
            formats,
            state: PortalState::Ready,
            hold: false,
            committed: false,
        };
        self.portals.insert(bind.portal, portal);
        Ok(self.io.put(&BindComplete::new())?)
    }

    pub fn describe(&mut self, target: &Target) -> Outcome {
        self.begin_statement();
        let (named, formats) = match target {
            Target::Statement(name) => {
                let named = Arc::clone(self.statement(name)?);
                let oids = named.parameter_oids.clone();
                self.io.put(&ParameterDescription::new(oids))?;
                (named, None)
            }
            Target::Portal(name) => {
                let portal = self.portals.get(name).ok_or_else(|| no_portal(name))?;
                (Arc::clone(&portal.statement), Some(portal.formats.clone()))
            }
        };
        match self.result_schema(&named)? {
            None => self.io.put(&NoData::new())?,
            Some(schema) => {
                let formats = formats.unwrap_or_else(|| vec![Format::Text; schema.fields().len()]);
                self.io.put(&row_description(&schema, &formats)?)?;
            }
        }
        Ok(())
    }

    pub fn close(&mut self, target: &Target) -> Outcome {
        // Closing what does not exist is no error.
        match target {
            Target::Statement(name) => drop(self.statements.remove(name)),
            Target::Portal(name) => drop(self.portals.remove(name)),
        }
        Ok(self.io.put(&CloseComplete::new())?)
    }

    /// Runs a portal, or goes on with it. It is taken out of the connection meanwhile, so that whatever stops the work
    /// also drops it.
    pub async fn execute_portal(&mut self, name: &str, max_rows: i32) -> Outcome {
        let mut portal = self.portals.remove(name).ok_or_else(|| no_portal(name))?;
        self.begin_statement();
        if let Some(prepared) = &portal.statement.prepared {
            self.record_statement(&prepared.statement.text);
        }
        let most = u64::try_from(max_rows).ok().filter(|rows| *rows > 0);
        let done = Box::pin(self.continue_portal(&mut portal, most)).await;
        self.end_statement(done.as_ref().err());
        self.settle_requested(done.is_ok())?;
        done?;
        // The end of a transaction inside the portal closed all portals, this one too.
        let ended = matches!(&portal.statement.prepared, Some(prepared) if matches!(
            prepared.statement.work,
            Work::Commit { .. } | Work::Rollback { .. } | Work::Discard(_) | Work::CloseCursor(_)
        ));
        if !ended {
            self.portals.insert(name.to_string(), portal);
        }
        Ok(())
    }

    async fn continue_portal(&mut self, portal: &mut Portal, most: Option<u64>) -> Outcome {
        let named = Arc::clone(&portal.statement);
        let Some(prepared) = &named.prepared else {
            return Ok(self.io.put(&EmptyQueryResponse::new())?);
        };
        self.check_not_aborted(&prepared.statement.work)?;
        let _slot = match prepared.statement.work.computes() {
            true => Some(self.admit().await?),
            false => None,
        };
        match &prepared.statement.work {
            Work::Query(_) | Work::Show(_) => {
                if matches!(portal.state, PortalState::Ready) {
                    let running = self.session.run(prepared, std::mem::take(&mut portal.parameters));
                    portal.state = PortalState::Running(Rows::new(self.io.attend(&self.watch, running).await?));
                }
                self.portal_rows(portal, &named, most).await
            }
            Work::Execute { name, arguments } => {
                let mut target = Arc::clone(self.statement(name)?);
                if matches!(portal.state, PortalState::Ready) {
                    let (executed, parameters) = self.executable(name, arguments).await?;
                    target = executed;
                    if let Some(prepared) = target.prepared.as_ref().filter(|one| one.returns_rows()) {
                        let running = self.session.run(prepared, parameters);
                        portal.state = PortalState::Running(Rows::new(self.io.attend(&self.watch, running).await?));
                    }
                }
                match &target.prepared {
                    Some(prepared) if prepared.returns_rows() => self.portal_rows(portal, &target, most).await,
                    Some(prepared) if prepared.insert().is_some() => {
                        let arguments = self.executable(name, arguments).await?.1;
                        self.portal_insert(portal, prepared, arguments).await
                    }
                    Some(prepared) => self.finish_utility(portal, &prepared.statement).await,
                    None => Ok(self.io.put(&EmptyQueryResponse::new())?),
                }
            }
            Work::Fetch { name, count } => {
                let (count, left) = match portal.state {
                    PortalState::Fetching(left) => (FetchCount::All, left.unwrap_or(u64::MAX)),
                    PortalState::Finished => (FetchCount::Rows(0), 0),
                    _ => (*count, rows_wanted(*count)),
                };
                let wanted = most.map_or(left, |most| most.min(left));
                let (sent, ended) = self.fetch(name, &portal.formats, count, wanted).await?;
                if !ended && sent == wanted && wanted < left {
                    portal.state = PortalState::Fetching(Some(left - sent));
                    return Ok(self.io.put(&PortalSuspended::new())?);
                }
                portal.state = PortalState::Finished;
                Ok(self.io.put(&CommandComplete::new(format!("FETCH {sent}")))?)
            }
            Work::Move { name, count } => {
                let moved = self.move_cursor(name, *count).await?;
                portal.state = PortalState::Finished;
                Ok(self.io.put(&CommandComplete::new(format!("MOVE {moved}")))?)
            }
            Work::Insert(_) => {
                let parameters = std::mem::take(&mut portal.parameters);
                self.portal_insert(portal, prepared, parameters).await
            }
            Work::CopyIn { .. } => {
                check_not_run(portal)?;
                let tag = self.copy_in(&prepared.statement).await?;
                portal.state = PortalState::Finished;
                Ok(self.io.put(&CommandComplete::new(tag))?)
            }
            Work::CopyOut { query, options } => {
                let tag = self.copy_out(query, options).await?;
                portal.state = PortalState::Finished;
                Ok(self.io.put(&CommandComplete::new(tag))?)
            }
            Work::Declare { .. } => {
                if matches!(portal.state, PortalState::Finished) {
                    return Err(cannot_run_again().into());
                }
                portal.state = PortalState::Finished;
                let parameters = std::mem::take(&mut portal.parameters);
                self.declare(&named, parameters, false).await?;
                Ok(self.io.put(&CommandComplete::new("DECLARE CURSOR".to_string()))?)
            }
            _ => self.finish_utility(portal, &prepared.statement).await,
        }
    }

    async fn finish_utility(&mut self, portal: &mut Portal, statement: &statements::ParsedStatement) -> Outcome {
        if matches!(portal.state, PortalState::Finished) {
            return Err(cannot_run_again().into());
        }
        portal.state = PortalState::Finished;
        let tag = self.utility(statement, false).await?;
        Ok(self.io.put(&CommandComplete::new(tag))?)
    }

    async fn portal_insert(
        &mut self,
        portal: &mut Portal,
        prepared: &crate::session::Prepared,
        parameters: Vec<datafusion::common::ScalarValue>,
    ) -> Outcome {
        check_not_run(portal)?;
        portal.state = PortalState::Finished;
        let tag = self.insert(prepared, parameters).await?;
        Ok(self.io.put(&CommandComplete::new(tag))?)
    }

    async fn portal_rows(&mut self, portal: &mut Portal, named: &NamedStatement, most: Option<u64>) -> Outcome {
        let Some(prepared) = &named.prepared else {
            return Ok(());
        };
        let mut writer = DataRows {
            formats: &portal.formats,
            style: Style::of(self.session.settings())?,
        };
        let mut sent = 0;
        if let PortalState::Running(rows) = &mut portal.state {
            let wanted = most.unwrap_or(u64::MAX);
            sent = rows
                .send(&mut self.io, &self.watch, &self.metrics, &mut writer, wanted)
                .await?;
            if sent == wanted {
                return Ok(self.io.put(&PortalSuspended::new())?);
            }
        }
        portal.state = PortalState::Finished;
        Ok(self.io.put(&CommandComplete::new(row_tag(prepared, sent)))?)
    }

    pub fn statement(&self, name: &str) -> Result<&Arc<NamedStatement>> {
        self.statements.get(name).ok_or_else(|| {
            let message = if name.is_empty() {
                "unnamed prepared statement does not exist".to_string()
            } else {
                format!("prepared statement \"{name}\" does not exist")
            };
            Error::new(ErrorKind::InvalidStatementName, message)
        })
    }

    /// The columns that a statement returns, `None` where it returns no rows. FETCH and EXECUTE have those of what they
    /// name.
    fn result_schema(&self, named: &NamedStatement) -> Result<Option<SchemaRef>> {
        let Some(prepared) = &named.prepared else {
            return Ok(None);
        };
        match &prepared.statement.work {
            Work::Fetch { name, .. } => self.cursor_schema(name).map(Some),
            Work::Execute { name, .. } => {
                let target = self.statement(name)?;
                // A statement that is itself an EXECUTE cannot be: PREPARE takes queries only.
                Ok(target
                    .prepared
                    .as_ref()
                    .filter(|prepared| prepared.returns_rows())
                    .map(|prepared| Arc::clone(&prepared.schema)))
            }
            _ if prepared.returns_rows() => Ok(Some(Arc::clone(&prepared.schema))),
            _ => Ok(None),
        }
    }

    pub fn cursor_schema(&self, name: &str) -> Result<SchemaRef> {
        let portal = self.portals.get(name).ok_or_else(|| no_cursor(name))?;
        match (&portal.state, &portal.statement.prepared) {
            (PortalState::Running(rows), _) => Ok(rows.schema()),
            (_, Some(prepared)) => Ok(Arc::clone(&prepared.schema)),
            (_, None) => Ok(Arc::new(Schema::empty())),
        }
    }
}

fn check_not_run(portal: &Portal) -> Result<()> {
    match portal.state {
        PortalState::Finished => Err(cannot_run_again()),
        _ => Ok(()),
    }
}

fn cannot_run_again() -> Error {
    Error::new(ErrorKind::ObjectNotInPrerequisiteState, "portal cannot be run")
}

fn no_portal(name: &str) -> Error {
    Error::new(
        ErrorKind::InvalidCursorName,
        format!("portal \"{name}\" does not exist"),
    )
}

pub fn no_cursor(name: &str) -> Error {
    Error::new(
        ErrorKind::InvalidCursorName,
        format!("cursor \"{name}\" does not exist"),
    )
}

fn bound_parameters(named: &NamedStatement, bind: &Bind, zone: Zone) -> Result<Vec<datafusion::common::ScalarValue>> {
    let supplied = bind.parameters.len();
    if bind.parameter_formats.len() > 1 && bind.parameter_formats.len() != supplied {
        return Err(violation(format!(
            "bind message has {} parameter formats but {supplied} parameters",
            bind.parameter_formats.len()
        )));
    }
    let types = named.parameter_types();
    if supplied != types.len() {
        return Err(violation(format!(
            "bind message supplies {supplied} parameters, but prepared statement \"{}\" requires {}",
            bind.statement,
            types.len()
        )));
    }
    bind.parameters
        .iter()
        .zip(types.iter().zip(&named.parameter_oids))
        .enumerate()
        .map(|(index, (value, (target, oid)))| {
            let code = nth_format(&bind.parameter_formats, index);
            decode::parameter(value.as_deref(), *oid, Format::from_code(code)?, target, zone)
        })
        .collect()
}

/// No format codes mean text, one is for all, else there is one for each.
fn nth_format(codes: &[i16], index: usize) -> i16 {
    match codes {
        [] => 0,
        [one] => *one,
        many => many.get(index).copied().unwrap_or(0),
    }
}

fn result_formats(codes: &[i16], columns: usize) -> Result<Vec<Format>> {
    if codes.len() > 1 && codes.len() != columns {
        return Err(violation(format!(
            "bind message has {} result formats but query has {columns} columns",
            codes.len()
        )));
    }
    (0..columns)
        .map(|index| Format::from_code(nth_format(codes, index)))
        .collect()
}
