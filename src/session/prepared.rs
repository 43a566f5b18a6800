//! A statement that has been planned.

use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::logical_expr::LogicalPlan;

use super::explain::Explain;
use super::plain_schema;
use super::statements::{ParsedStatement, Work};
use super::writing::InsertPlan;

/// A statement that is ready to run, perhaps many times.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub statement: ParsedStatement,
    /// The types of `$1`, `$2` …
    pub parameter_types: Vec<DataType>,
    /// PostgreSQL's names of those types where the statement says more than the type, as in `$1::oid[]`.
    pub parameter_names: Vec<Option<String>>,
    /// What the rows will look like on the wire; no fields where the statement returns no rows.
    pub schema: SchemaRef,
    pub(super) plan: Option<LogicalPlan>,
    /// What is asked of the plan, where its query is only explained.
    pub(super) explain: Option<Explain>,
    pub(super) relations_version: u64,
    pub(super) insert: Option<Arc<InsertPlan>>,
}

impl Prepared {
    pub(super) fn without_plan(statement: ParsedStatement, schema: SchemaRef) -> Self {
        Self {
            statement,
            parameter_types: vec![],
            parameter_names: vec![],
            schema,
            plan: None,
            explain: None,
            relations_version: 0,
            insert: None,
        }
    }

    /// What an INSERT does.
    pub fn insert(&self) -> Option<&Arc<InsertPlan>> {
        self.insert.as_ref()
    }

    /// The same for clients that do not know PostgreSQL's types.
    pub fn plain(mut self) -> Self {
        self.schema = plain_schema(&self.schema);
        self
    }

    /// Whether running it gives rows (even none) rather than only a command tag.
    pub fn returns_rows(&self) -> bool {
        matches!(self.statement.work, Work::Query(_) | Work::Show(_))
    }
}
