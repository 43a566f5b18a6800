//! Statements that change the connection rather than read relations: transactions, settings, named statements and
//! cursors.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::sql::sqlparser::ast::{DataType as SqlType, Expr};
use pgwire::api::Type;

use super::connection::{Connection, NamedStatement, Portal, PortalState, all_text};
use super::encode::Style;
use super::extended::no_cursor;
use super::io::Outcome;
use super::rows::{DataRows, Rows};
use super::types::Format;
use crate::error::{Error, ErrorKind, Result};
use crate::session::statements::{FetchCount, ParsedStatement, Work};

/// How many rows FETCH wants at most.
pub fn rows_wanted(count: FetchCount) -> u64 {
    match count {
        FetchCount::Rows(rows) => rows,
        FetchCount::All => u64::MAX,
        FetchCount::Relative(_) | FetchCount::Absolute(_) => 1,
        FetchCount::Backward => 0,
    }
}

fn only_forward() -> Error {
    Error::new(ErrorKind::ObjectNotInPrerequisiteState, "cursor can only scan forward")
        .with_hint("declare it with scroll option to enable backward scan")
}

impl Connection {
    /// Runs a statement without rows; returns its tag. `several` says that it stands in a string with others, which
    /// counts as a transaction block for cursors.
    pub async fn utility(&mut self, statement: &ParsedStatement, several: bool) -> Outcome<String> {
        match &statement.work {
            Work::Begin {
                isolation, read_only, ..
            } => self.begin(isolation.as_deref(), *read_only)?,
            Work::Commit { chain } => return Ok(self.end_transaction(true, *chain).await?.to_string()),
            Work::Rollback { chain } => return Ok(self.end_transaction(false, *chain).await?.to_string()),
            Work::Savepoint(name) => {
                self.require_block("SAVEPOINT", false)?;
                self.transaction.savepoint(name.clone(), self.session.settings())?;
            }
            Work::ReleaseSavepoint(name) => {
                self.require_block("RELEASE SAVEPOINT", false)?;
                self.transaction.release(name)?;
            }
            Work::RollbackToSavepoint(name) => {
                self.require_block("ROLLBACK TO SAVEPOINT", false)?;
                self.transaction.rollback_to(name, self.session.settings_mut())?;
            }
            Work::Set { local: true, .. } => self.set_local(&statement.work)?,
            Work::Set { .. } | Work::Reset(_) => self.set(&statement.work)?,
            Work::Discard(what) => self.discard(what)?,
            Work::Prepare { name, types, statement } => self.prepare_named(name, types, statement).await?,
            Work::Deallocate(Some(name)) => {
                self.statement(name)?;
                self.statements.remove(name);
            }
            Work::Deallocate(None) => self.statements.clear(),
            Work::CloseCursor(Some(name)) => {
                self.portals.remove(name).ok_or_else(|| no_cursor(name))?;
            }
            Work::CloseCursor(None) => self.portals.clear(),
            Work::Declare { .. } => {
                let named = self.named_statement(statement.clone(), vec![]).await?;
                if !named.parameter_types().is_empty() {
                    return Err(Error::new(ErrorKind::UndefinedParameter, "there is no parameter $1").into());
                }
                self.declare(&named, vec![], several).await?;
            }
            Work::Accepted(_) => {}
            Work::Refused(error) => return Err(error.as_ref().clone().into()),
            Work::Query(_)
            | Work::Show(_)
            | Work::Execute { .. }
            | Work::Fetch { .. }
            | Work::Move { .. }
            | Work::Insert(_)
            | Work::CopyIn { .. }
            | Work::CopyOut { .. } => {
                return Err(Error::internal("a statement with rows was run as one without").into());
            }
        }
        Ok(statement.tag().to_string())
    }

    fn begin(&mut self, isolation: Option<&str>, read_only: Option<bool>) -> Result<()> {
        if self.transaction.is_idle() {
            self.transaction.begin(self.session.settings());
            if read_only == Some(true) {
                self.session.settings_mut().set("transaction_read_only", Some("on"))?;
            }
            return self.isolate(isolation);
        }
        self.warn(
            ErrorKind::ActiveTransaction,
            "there is already a transaction in progress",
        )
    }

    /// Every statement here sees one state of the data, so that the levels differ in their names only.
    fn isolate(&mut self, level: Option<&str>) -> Result<()> {
        let settings = self.session.settings_mut();
        match level {
            Some(level) => settings.set("transaction_isolation", Some(level)),
            None => Ok(()),
        }
    }

    async fn end_transaction(&mut self, commit: bool, chain: bool) -> Outcome<&'static str> {
        let tag = if commit { "COMMIT" } else { "ROLLBACK" };
        if self.transaction.is_idle() {
            if chain {
                let message = format!("{tag} AND CHAIN can only be used in transaction blocks");
                return Err(Error::new(ErrorKind::NoActiveTransaction, message).into());
            }
            self.warn(ErrorKind::NoActiveTransaction, "there is no transaction in progress")?;
        }
        let level = self.settings().show("transaction_isolation")?.to_string();
        let tag = if commit && !self.transaction.is_failed() {
            if let Err(stop) = self.commit_writes().await {
                self.rollback();
                return Err(stop);
            }
            self.commit();
            tag
        } else {
            self.rollback();
            "ROLLBACK"
        };
        if chain {
            self.begin(Some(&level), None)?;
        }
        Ok(tag)
    }

    fn require_block(&self, what: &str, several: bool) -> Result<()> {
        if self.transaction.is_idle() && !several {
            return Err(Error::new(
                ErrorKind::NoActiveTransaction,
                format!("{what} can only be used in transaction blocks"),
            ));
        }
        Ok(())
    }

    fn set_local(&mut self, work: &Work) -> Result<()> {
        self.session.apply_setting(work)?;
        if self.transaction.is_idle() {
            self.warn(
                ErrorKind::NoActiveTransaction,
                "SET LOCAL can only be used in transaction blocks",
            )?;
        }
        Ok(())
    }

    /// Puts into force what a query asked for with `set_config`; nothing of it where the query failed.
    pub fn settle_requested(&mut self, succeeded: bool) -> Result<()> {
        let requested = self.session.take_requested();
        for setting in requested.into_iter().filter(|_| succeeded) {
            let work = Work::Set {
                name: setting.name,
                value: Some(setting.value),
                local: setting.local,
            };
            if setting.local {
                self.session.apply_setting(&work)?;
            } else {
                self.set(&work)?;
            }
        }
        Ok(())
    }

    fn set(&mut self, work: &Work) -> Result<()> {
        self.session.apply_setting(work)?;
        self.transaction.lasting_change(|lasting| match work {
            Work::Set { name, value, .. } => lasting.set(name, value.as_deref()),
            Work::Reset(Some(name)) => lasting.reset_one(name),
            _ => {
                lasting.reset_all();
                Ok(())
            }
        })
    }

    fn discard(&mut self, what: &str) -> Result<()> {
        if what != "ALL" {
            return Ok(());
        }
        if !self.transaction.is_idle() {
            return Err(Error::new(
                ErrorKind::ActiveTransaction,
                "DISCARD ALL cannot run inside a transaction block",
            ));
        }
        self.set(&Work::Reset(None))?;
        self.statements.clear();
        self.portals.clear();
        Ok(())
    }

    async fn prepare_named(&mut self, name: &str, types: &[SqlType], statement: &ParsedStatement) -> Outcome {
        if self.statements.contains_key(name) {
            return Err(Error::new(
                ErrorKind::DuplicatePreparedStatement,
                format!("prepared statement \"{name}\" already exists"),
            )
            .into());
        }
        self.check_room_for_statement()?;
        let oids: Result<Vec<u32>> = types.iter().map(type_oid).collect();
        let named = self.named_statement(statement.clone(), oids?).await?;
        self.statements.insert(name.to_string(), Arc::new(named));
        Ok(())
    }

    /// What EXECUTE runs, with its arguments' values.
    pub async fn executable(
        &mut self,
        name: &str,
        arguments: &[Expr],
    ) -> Outcome<(Arc<NamedStatement>, Vec<ScalarValue>)> {
        let named = Arc::clone(self.statement(name)?);
        let types = named.parameter_types();
        if types.len() != arguments.len() {
            let error = Error::new(
                ErrorKind::Syntax,
                format!("wrong number of parameters for prepared statement \"{name}\""),
            );
            let detail = format!("Expected {} parameters but got {}.", types.len(), arguments.len());
            return Err(error.with_detail(detail).into());
        }
        if arguments.is_empty() {
            return Ok((named, vec![]));
        }
        let list: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let sql = format!("SELECT {}", list.join(", "));
        let session = &self.session;
        let evaluated = async { session.query(&sql).await?.collect().await };
        let batches = self.io.attend(&self.watch, evaluated).await?;
        let row = batches
            .iter()
            .find(|batch| batch.num_rows() > 0)
            .ok_or_else(|| Error::internal("the arguments gave no row"))?;
        let values: Result<Vec<ScalarValue>> = row
            .columns()
            .iter()
            .zip(types)
            .map(|(column, target)| Ok(ScalarValue::try_from_array(column, 0)?.cast_to(target)?))
            .collect();
        let values = values?;
        Ok((named, values))
    }

    /// Opens a cursor.
    pub async fn declare(&mut self, named: &NamedStatement, parameters: Vec<ScalarValue>, several: bool) -> Outcome {
        let (Some(declaration), Some(query)) = (&named.prepared, &named.cursor_query) else {
            return Err(Error::internal("a cursor without a query").into());
        };
        let Work::Declare { name, hold, .. } = &declaration.statement.work else {
            return Err(Error::internal("a cursor without a declaration").into());
        };
        if !*hold {
            self.require_block("DECLARE CURSOR", several)?;
        }
        if self.portals.contains_key(name) {
            return Err(Error::new(ErrorKind::DuplicateCursor, format!("cursor \"{name}\" already exists")).into());
        }
        self.check_room_for_portal()?;
        let running = self.session.run(query, parameters);
        let stream = self.io.attend(&self.watch, running).await?;
        let portal = Portal {
            formats: all_text(&query.schema),
            parameters: vec![],
            state: PortalState::Running(Rows::new(stream)),
            statement: Arc::new(NamedStatement {
                prepared: Some(query.clone()),
                parameter_oids: vec![],
                cursor_query: None,
            }),
            hold: *hold,
            committed: false,
        };
        self.portals.insert(name.clone(), portal);
        Ok(())
    }

    /// Passes over rows of a cursor; returns how many, or for a single row whether it is there.
    pub async fn move_cursor(&mut self, name: &str, count: FetchCount) -> Outcome<u64> {
        let mut portal = self.portals.remove(name).ok_or_else(|| no_cursor(name))?;
        let moved = match &mut portal.state {
            PortalState::Running(rows) => {
                let ahead = rows_ahead(rows.taken(), count)?;
                rows.pass_over(&mut self.io, &self.watch, ahead).await?;
                let wanted = rows_wanted(count);
                rows.pass_over(&mut self.io, &self.watch, wanted).await?
            }
            _ => 0,
        };
        self.portals.insert(name.to_string(), portal);
        Ok(moved)
    }

    /// Sends the rows of a cursor that FETCH asks for, up to `most`. Returns how many, and whether the cursor is at its
    /// end. A cursor that fails is gone.
    pub async fn fetch(
        &mut self,
        name: &str,
        formats: &[Format],
        count: FetchCount,
        most: u64,
    ) -> Outcome<(u64, bool)> {
        let mut portal = self.portals.remove(name).ok_or_else(|| no_cursor(name))?;
        let mut fetched = (0, true);
        if count == FetchCount::Backward || (portal.is_at_end() && matches!(count, FetchCount::Absolute(_))) {
            return Err(only_forward().into());
        }
        let most = most.min(rows_wanted(count));
        if let PortalState::Running(rows) = &mut portal.state {
            let ahead = rows_ahead(rows.taken(), count)?;
            rows.pass_over(&mut self.io, &self.watch, ahead).await?;
            let mut writer = DataRows {
                formats,
                style: Style::of(self.session.settings())?,
            };
            let sent = rows
                .send(&mut self.io, &self.watch, &self.metrics, &mut writer, most)
                .await?;
            fetched = (sent, sent < most);
        }
        if fetched.1 {
            portal.state = PortalState::Finished;
        }
        self.portals.insert(name.to_string(), portal);
        Ok(fetched)
    }
}

/// How many rows lie between a cursor's place and the row that FETCH asks for.
fn rows_ahead(taken: u64, count: FetchCount) -> Result<u64> {
    match count {
        FetchCount::Rows(_) | FetchCount::All => Ok(0),
        FetchCount::Relative(places) => Ok(places.saturating_sub(1)),
        FetchCount::Absolute(place) if place > taken => Ok(place - taken - 1),
        FetchCount::Absolute(_) | FetchCount::Backward => Err(only_forward()),
    }
}

/// The oid of a type named in PREPARE.
fn type_oid(sql_type: &SqlType) -> Result<u32> {
    let name = sql_type.to_string().to_lowercase();
    let (base, is_array) = match name.strip_suffix("[]") {
        Some(base) => (base, true),
        None => (name.as_str(), false),
    };
    let base = base.split('(').next().unwrap_or(base).trim();
    let (one, many) = match base {
        "bool" | "boolean" => (Type::BOOL, Type::BOOL_ARRAY),
        "smallint" | "int2" => (Type::INT2, Type::INT2_ARRAY),
        "int" | "integer" | "int4" => (Type::INT4, Type::INT4_ARRAY),
        "bigint" | "int8" => (Type::INT8, Type::INT8_ARRAY),
        "real" | "float4" => (Type::FLOAT4, Type::FLOAT4_ARRAY),
        "double precision" | "double" | "float" | "float8" => (Type::FLOAT8, Type::FLOAT8_ARRAY),
        "numeric" | "decimal" => (Type::NUMERIC, Type::NUMERIC_ARRAY),
        "text" | "varchar" | "character varying" | "char" | "character" | "name" | "unknown" => {
            (Type::TEXT, Type::TEXT_ARRAY)
        }
        "bytea" => (Type::BYTEA, Type::BYTEA_ARRAY),
        "date" => (Type::DATE, Type::DATE_ARRAY),
        "time" | "time without time zone" => (Type::TIME, Type::TIME_ARRAY),
        "timestamp" | "timestamp without time zone" => (Type::TIMESTAMP, Type::TIMESTAMP_ARRAY),
        "timestamptz" | "timestamp with time zone" => (Type::TIMESTAMPTZ, Type::TIMESTAMPTZ_ARRAY),
        "interval" => (Type::INTERVAL, Type::INTERVAL_ARRAY),
        "uuid" => (Type::UUID, Type::UUID_ARRAY),
        "json" => (Type::JSON, Type::JSON_ARRAY),
        "jsonb" => (Type::JSONB, Type::JSONB_ARRAY),
        "oid" => (Type::OID, Type::OID_ARRAY),
        other => {
            return Err(Error::new(
                ErrorKind::UndefinedObject,
                format!("type \"{other}\" does not exist"),
            ));
        }
    };
    Ok(if is_array { many.oid() } else { one.oid() })
}
