//! The plan's node that runs a subquery for each row of its input.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::common::{DFSchema, DFSchemaRef, Result, TableReference};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};

/// What becomes of a subquery's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// One value, NULL without a row; a second row is an error.
    Scalar,
    /// All values as an array.
    Array,
    /// Whether there is a row.
    Exists,
    /// Each row of the input with each row of the subquery; `outer` keeps input rows that have none.
    Rows { outer: bool },
}

/// A subquery with parameters in the places of what it depends on.
pub struct Subplan {
    /// Optimised, but for the values of its parameters.
    pub plan: LogicalPlan,
    /// The parameters' names, in the order of the node's arguments.
    pub parameters: Vec<String>,
    pub state: SessionState,
}

/// `shape` of `subplan`, for each row of `input`.
#[derive(Clone)]
pub struct Apply {
    pub input: LogicalPlan,
    pub arguments: Vec<Expr>,
    pub subplan: Arc<Subplan>,
    pub shape: Shape,
    /// The columns that the subquery adds, with their relations.
    pub added: Vec<(Option<TableReference>, Arc<Field>)>,
    schema: DFSchemaRef,
}

impl Apply {
    pub fn try_new(
        input: LogicalPlan,
        arguments: Vec<Expr>,
        subplan: Arc<Subplan>,
        shape: Shape,
        added: Vec<(Option<TableReference>, Arc<Field>)>,
    ) -> Result<Self> {
        let fields = input
            .schema()
            .iter()
            .map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field)))
            .chain(added.iter().cloned())
            .collect();
        let schema = DFSchema::new_with_metadata(fields, input.schema().metadata().clone())?;
        Ok(Self {
            input,
            arguments,
            subplan,
            shape,
            added,
            schema: Arc::new(schema),
        })
    }

    /// The type of the one column that a subquery in an expression adds.
    pub fn value_type(shape: Shape, column: &DataType) -> DataType {
        match shape {
            Shape::Array => DataType::new_list(column.clone(), true),
            Shape::Exists => DataType::Boolean,
            Shape::Scalar | Shape::Rows { .. } => column.clone(),
        }
    }

    fn identity(&self) -> (usize, Shape, &Vec<Expr>, &LogicalPlan) {
        (
            Arc::as_ptr(&self.subplan) as usize,
            self.shape,
            &self.arguments,
            &self.input,
        )
    }
}

impl fmt::Debug for Apply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_for_explain(formatter)
    }
}

impl PartialEq for Apply {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for Apply {}

impl Hash for Apply {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

impl PartialOrd for Apply {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for Apply {
    fn name(&self) -> &'static str {
        "Apply"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        self.arguments.clone()
    }

    /// Conditions on the input's own columns may pass below, where there are fewer rows to run the subquery for.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        self.added.iter().map(|(_, field)| field.name().clone()).collect()
    }

    fn fmt_for_explain(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Apply: {:?} of [{}]", self.shape, self.subplan.plan)
    }

    fn with_exprs_and_inputs(&self, arguments: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        let input = inputs.pop().unwrap_or_else(|| self.input.clone());
        Self::try_new(
            input,
            arguments,
            Arc::clone(&self.subplan),
            self.shape,
            self.added.clone(),
        )
    }
}
