//! The two statements that write, INSERT and COPY FROM: into the one relation that takes rows, for the roles that may.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::ScalarValue;
use datafusion::sql::sqlparser::ast::{Expr, Ident, Insert, ObjectName, Query, SetExpr, TableObject, Values};
use futures::StreamExt;

use super::statements::{ParsedStatement, folded, parse};
use super::{DATABASE, PUBLIC_SCHEMA, Prepared, Session};
use crate::access::Role;
use crate::error::{Error, ErrorKind, Result};
use crate::managed::{Ingest, ManagedTable};
use crate::sources::ColumnKind;

/// The relation that takes rows.
pub const WRITABLE: &str = "error_aggregates";

/// A planned INSERT.
#[derive(Debug)]
pub struct InsertPlan {
    columns: Vec<String>,
    query: Prepared,
}

impl Session {
    /// The managed table, if this session may write rows into the relation.
    pub fn writable(&self, relation: &ObjectName, what: &str) -> Result<Arc<ManagedTable>> {
        let parts: Vec<String> = relation
            .0
            .iter()
            .filter_map(|part| part.as_ident())
            .map(folded)
            .collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        self.check_writing(what)?;
        let managed = self.engine().managed().ok_or_else(|| read_only(what))?;
        let name = match parts.as_slice() {
            [name] | [PUBLIC_SCHEMA, name] | [DATABASE, PUBLIC_SCHEMA, name] => *name,
            _ => "",
        };
        if name == WRITABLE {
            return Ok(managed);
        }
        if self.engine().relations().public.contains_key(name) {
            return Err(
                Error::new(ErrorKind::WrongObjectType, format!("cannot write into \"{name}\""))
                    .with_hint("error_aggregates is the relation that takes rows"),
            );
        }
        Err(Error::new(
            ErrorKind::UndefinedTable,
            format!("relation \"{}\" does not exist", parts.join(".")),
        ))
    }

    /// Whether this session may write at all.
    fn check_writing(&self, what: &str) -> Result<()> {
        if self.engine().managed().is_none() {
            return Err(read_only(what));
        }
        if self.identity().role < Role::Ingest {
            return Err(not_allowed());
        }
        for setting in ["transaction_read_only", "default_transaction_read_only"] {
            if self.settings().show(setting)? == "on" {
                return Err(read_only(what));
            }
        }
        Ok(())
    }

    /// The columns that a statement without a list of them fills, in their order, with their kinds; `None` for a column
    /// that only a source has.
    pub fn insertable_columns(&self, managed: &ManagedTable) -> Vec<(String, Option<ColumnKind>)> {
        let relations = self.engine().relations();
        let Some(table) = relations.public.get(WRITABLE) else {
            return vec![];
        };
        let schema = table.schema();
        let names = schema.fields().iter().map(|field| field.name().clone());
        names.map(|name| (name.clone(), managed.column_kind(&name))).collect()
    }

    /// The named columns, or all; each must be one that takes values.
    pub fn target_columns(&self, managed: &ManagedTable, named: &[String]) -> Result<Vec<(String, ColumnKind)>> {
        let all = self.insertable_columns(managed);
        let wanted: Vec<(String, Option<ColumnKind>)> = if named.is_empty() {
            all
        } else {
            named
                .iter()
                .map(|name| (name.clone(), managed.column_kind(name)))
                .collect()
        };
        wanted
            .into_iter()
            .map(|(name, kind)| match kind {
                Some(kind) => Ok((name, kind)),
                None => Err(Error::new(
                    ErrorKind::UndefinedColumn,
                    format!("column \"{name}\" of relation \"{WRITABLE}\" takes no values"),
                )
                .with_hint("name the columns of the managed table that the rows have")),
            })
            .collect()
    }

    /// Plans an INSERT: its query, whose columns are the target's.
    pub(super) async fn prepare_insert(
        &self,
        statement: ParsedStatement,
        insert: &Insert,
        declared: &[Option<DataType>],
    ) -> Result<Prepared> {
        let relation = match &insert.table {
            TableObject::TableName(name) => name,
            _ => return Err(Error::not_supported("insert needs the name of a relation")),
        };
        let managed = self.writable(relation, "INSERT")?;
        check_form(insert)?;
        let named: Vec<String> = insert.columns.iter().map(last_part).collect();
        let source = insert.source.as_deref().ok_or_else(|| {
            Error::new(
                ErrorKind::NotNullViolation,
                "null value in column \"window_start\" of relation \"error_aggregates\"",
            )
        })?;
        let mut columns = match named.is_empty() {
            true => self.insertable_columns(&managed),
            false => {
                let kinds = self.target_columns(&managed, &named)?;
                kinds.into_iter().map(|(name, kind)| (name, Some(kind))).collect()
            }
        };
        let text = match plain_values(source) {
            Some(values) => typed_values(values, &columns)?,
            None => source.to_string(),
        };
        let query = parse(&text)?
            .pop()
            .ok_or_else(|| Error::internal("an insert without a query"))?;
        let query = Box::pin(self.prepare(query, declared)).await?;
        let given = query.schema.fields().len();
        if given > columns.len() || (given < columns.len() && !named.is_empty()) {
            return Err(wrong_count(given > columns.len()));
        }
        columns.truncate(given);
        let columns: Vec<String> = columns.into_iter().map(|(name, _)| name).collect();
        self.target_columns(&managed, &columns)?;
        Ok(Prepared {
            parameter_types: query.parameter_types.clone(),
            parameter_names: query.parameter_names.clone(),
            insert: Some(Arc::new(InsertPlan { columns, query })),
            ..Prepared::without_plan(statement, Arc::new(Schema::empty()))
        })
    }

    /// Runs a planned INSERT into a batch. Returns how many rows it gave.
    pub async fn insert(&self, plan: &InsertPlan, parameters: Vec<ScalarValue>, into: &mut Ingest) -> Result<u64> {
        let mut rows = self.run(&plan.query, parameters).await?;
        let before = into.accepted();
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            let fields: Vec<Field> = plan
                .columns
                .iter()
                .zip(batch.columns())
                .map(|(name, values)| Field::new(name, values.data_type().clone(), true))
                .collect();
            let renamed = RecordBatch::try_new(Arc::new(Schema::new(fields)), batch.columns().to_vec())?;
            into.push(&renamed).await?;
        }
        Ok(into.accepted() - before)
    }
}

fn read_only(what: &str) -> Error {
    Error::new(
        ErrorKind::ReadOnlyTransaction,
        format!("cannot execute {what} in a read-only transaction"),
    )
}

fn not_allowed() -> Error {
    Error::new(
        ErrorKind::InsufficientPrivilege,
        format!("permission denied for table {WRITABLE}"),
    )
    .with_hint("the roles ingest and admin may write")
}

fn wrong_count(more: bool) -> Error {
    let message = match more {
        true => "INSERT has more expressions than target columns",
        false => "INSERT has more target columns than expressions",
    };
    Error::new(ErrorKind::Syntax, message)
}

fn last_part(name: &ObjectName) -> String {
    let last = name.0.last().and_then(|part| part.as_ident());
    last.map(|ident: &Ident| folded(ident)).unwrap_or_default()
}

fn check_form(insert: &Insert) -> Result<()> {
    let unusual = [
        (insert.on.is_some(), "ON CONFLICT"),
        (insert.returning.is_some(), "RETURNING"),
        (insert.overwrite || insert.replace_into, "replacing rows"),
        (insert.partitioned.is_some(), "PARTITION"),
    ];
    match unusual.iter().find(|(given, _)| *given) {
        Some((_, what)) => Err(Error::not_supported(format!("{what} is not supported in INSERT"))
            .with_hint("rows are only appended; a batch with an idempotency key is counted once")),
        None => Ok(()),
    }
}

/// The rows of a plain VALUES.
fn plain_values(query: &Query) -> Option<&Values> {
    match query.body.as_ref() {
        SetExpr::Values(values) if query.with.is_none() && query.order_by.is_none() && query.limit_clause.is_none() => {
            Some(values)
        }
        _ => None,
    }
}

/// The same VALUES with every value cast to its column's type, as an INSERT does, so that a parameter and a text have
/// the type that is meant.
fn typed_values(values: &Values, columns: &[(String, Option<ColumnKind>)]) -> Result<String> {
    let mut text = String::from("VALUES ");
    for (index, row) in values.rows.iter().enumerate() {
        if row.len() > columns.len() {
            return Err(wrong_count(true));
        }
        text.push_str(if index == 0 { "(" } else { ", (" });
        for (place, (value, (_, kind))) in row.iter().zip(columns).enumerate() {
            if place > 0 {
                text.push_str(", ");
            }
            let value: &dyn std::fmt::Display = if is_default(value) { &"NULL" } else { value };
            // Writing into a text cannot fail.
            let _ = write!(text, "CAST({value} AS {})", sql_type(*kind));
        }
        text.push(')');
    }
    Ok(text)
}

fn is_default(value: &Expr) -> bool {
    matches!(value, Expr::Identifier(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("default"))
}

fn sql_type(kind: Option<ColumnKind>) -> &'static str {
    match kind {
        Some(ColumnKind::Time) => "TIMESTAMP WITH TIME ZONE",
        Some(ColumnKind::Date) => "DATE",
        Some(ColumnKind::Hours) => "DOUBLE PRECISION",
        Some(ColumnKind::Count) => "BIGINT",
        Some(ColumnKind::Text) | None => "TEXT",
    }
}
