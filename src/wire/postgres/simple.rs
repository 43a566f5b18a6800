//! The simple query protocol: a string of statements, run one after the other in one transaction unless they say
//! otherwise.

use datafusion::common::ScalarValue;
use pgwire::messages::response::{CommandComplete, EmptyQueryResponse};

use super::connection::{Connection, all_text};
use super::encode::Style;
use super::io::Outcome;
use super::rows::{DataRows, Rows};
use super::transaction::aborted;
use super::types::row_description;
use crate::error::{Error, ErrorKind};
use crate::session::Prepared;
use crate::session::statements::{ParsedStatement, Work};

impl Connection {
    pub async fn simple_query(&mut self, sql: &str) -> Outcome {
        // As in PostgreSQL, the unnamed statement and portal do not outlive a simple query.
        self.statements.remove("");
        self.portals.remove("");
        self.check_statement_length(sql)?;
        self.record_statement(sql);
        let parsed = self.io.attend(&self.watch, self.session.parse(sql)).await?;
        if parsed.is_empty() {
            self.io.put(&EmptyQueryResponse::new())?;
            return self.ready_for_query().await;
        }
        let several = parsed.len() > 1;
        for statement in &parsed {
            self.begin_statement();
            self.record_statement(&statement.text);
            let done = Box::pin(self.simple_statement(statement, several)).await;
            self.end_statement(done.as_ref().err());
            self.settle_requested(done.is_ok())?;
            done?;
        }
        self.end_implicit_transaction();
        self.ready_for_query().await
    }

    async fn simple_statement(&mut self, statement: &ParsedStatement, several: bool) -> Outcome {
        self.check_not_aborted(&statement.work)?;
        let _slot = match statement.work.computes() {
            true => Some(self.admit().await?),
            false => None,
        };
        let tag = match &statement.work {
            Work::Query(_) | Work::Show(_) => {
                let preparing = self.session.prepare(statement.clone(), &[]);
                let prepared = self.io.attend(&self.watch, preparing).await?;
                if !prepared.parameter_types.is_empty() {
                    return Err(no_parameters_here().into());
                }
                self.simple_rows(&prepared, vec![]).await?
            }
            Work::Execute { name, arguments } => {
                let (named, parameters) = self.executable(name, arguments).await?;
                match &named.prepared {
                    Some(prepared) if prepared.returns_rows() => self.simple_rows(prepared, parameters).await?,
                    Some(prepared) if prepared.insert().is_some() => self.insert(prepared, parameters).await?,
                    Some(prepared) => self.utility(&prepared.statement, several).await?,
                    None => return Ok(self.io.put(&EmptyQueryResponse::new())?),
                }
            }
            Work::Fetch { name, count } => {
                let schema = self.cursor_schema(name)?;
                let formats = all_text(&schema);
                self.io.put(&row_description(&schema, &formats)?)?;
                let (sent, _) = self.fetch(name, &formats, *count, u64::MAX).await?;
                format!("FETCH {sent}")
            }
            Work::Move { name, count } => format!("MOVE {}", self.move_cursor(name, *count).await?),
            Work::CopyOut { query, options } => self.copy_out(query, options).await?,
            Work::CopyIn { .. } => self.copy_in(statement).await?,
            Work::Insert(_) => {
                let preparing = self.session.prepare(statement.clone(), &[]);
                let prepared = self.io.attend(&self.watch, preparing).await?;
                if !prepared.parameter_types.is_empty() {
                    return Err(no_parameters_here().into());
                }
                self.insert(&prepared, vec![]).await?
            }
            _ => self.utility(statement, several).await?,
        };
        Ok(self.io.put(&CommandComplete::new(tag))?)
    }

    /// Describes and sends all rows of a query; returns its tag.
    async fn simple_rows(&mut self, prepared: &Prepared, parameters: Vec<ScalarValue>) -> Outcome<String> {
        let formats = all_text(&prepared.schema);
        self.io.put(&row_description(&prepared.schema, &formats)?)?;
        let stream = self
            .io
            .attend(&self.watch, self.session.run(prepared, parameters))
            .await?;
        let mut writer = DataRows {
            formats: &formats,
            style: Style::of(self.session.settings())?,
        };
        let sent = Rows::new(stream)
            .send(&mut self.io, &self.watch, &self.metrics, &mut writer, u64::MAX)
            .await?;
        Ok(row_tag(prepared, sent))
    }

    pub fn check_statement_length(&self, sql: &str) -> Outcome {
        let most = self.limits().max_statement_bytes;
        if sql.len() <= most {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::ProgramLimitExceeded,
            format!("statement is longer than {most} bytes"),
        )
        .into())
    }

    /// In a failed transaction only its end is heard.
    pub fn check_not_aborted(&self, work: &Work) -> Outcome {
        let ends = matches!(
            work,
            Work::Commit { .. } | Work::Rollback { .. } | Work::RollbackToSavepoint(_)
        );
        if self.transaction.is_failed() && !ends {
            return Err(aborted().into());
        }
        Ok(())
    }
}

/// `SELECT 5`; statements that only show something have no count.
pub fn row_tag(prepared: &Prepared, sent: u64) -> String {
    match prepared.statement.tag() {
        "SELECT" => format!("SELECT {sent}"),
        other => other.to_string(),
    }
}

fn no_parameters_here() -> Error {
    Error::new(ErrorKind::UndefinedParameter, "there is no parameter $1")
}
