//! The operator that runs a subquery for each distinct row of its arguments.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt64Array, new_null_array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{ParamValues, Result, ScalarValue};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::EmissionType;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties, SendableRecordBatchStream, collect,
};
use futures::StreamExt;

use super::node::{Shape, Subplan};
use crate::error::{Error, ErrorKind};

/// How many outcomes are kept for rows with the same arguments.
const MAX_KEPT: usize = 10_000;

#[derive(Clone)]
pub struct ApplyExec {
    input: Arc<dyn ExecutionPlan>,
    arguments: Vec<Arc<dyn PhysicalExpr>>,
    subplan: Arc<Subplan>,
    shape: Shape,
    added: Vec<FieldRef>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl ApplyExec {
    pub fn new(
        input: Arc<dyn ExecutionPlan>,
        arguments: Vec<Arc<dyn PhysicalExpr>>,
        subplan: Arc<Subplan>,
        shape: Shape,
        added: Vec<FieldRef>,
    ) -> Self {
        let fields: Vec<FieldRef> = input.schema().fields().iter().chain(&added).map(Arc::clone).collect();
        let schema = Arc::new(Schema::new(fields).with_metadata(input.schema().metadata().clone()));
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            input.properties().partitioning.clone(),
            EmissionType::Incremental,
            input.properties().boundedness,
        );
        Self {
            input,
            arguments,
            subplan,
            shape,
            added,
            schema,
            properties: Arc::new(properties),
        }
    }
}

impl fmt::Debug for ApplyExec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ApplyExec: {:?}", self.shape)
    }
}

impl DisplayAs for ApplyExec {
    fn fmt_as(&self, _kind: DisplayFormatType, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ApplyExec: shape={:?}", self.shape)
    }
}

impl ExecutionPlan for ApplyExec {
    fn name(&self) -> &'static str {
        "ApplyExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        for argument in &self.arguments {
            if visit(argument)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.pop().unwrap_or_else(|| Arc::clone(&self.input));
        Ok(Arc::new(Self::new(
            input,
            self.arguments.clone(),
            Arc::clone(&self.subplan),
            self.shape,
            self.added.clone(),
        )))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let evaluation = Evaluation {
            exec: self.clone(),
            kept: HashMap::new(),
        };
        let rows = futures::stream::try_unfold((input, evaluation), |(mut input, mut evaluation)| async move {
            match input.next().await {
                Some(batch) => {
                    let applied = evaluation.apply(&batch?).await?;
                    Ok(Some((applied, (input, evaluation))))
                }
                None => Ok(None),
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows)))
    }
}

/// What a subquery gave for one row of arguments.
#[derive(Clone)]
enum Outcome {
    Value(ScalarValue),
    Rows(Arc<RecordBatch>),
}

struct Evaluation {
    exec: ApplyExec,
    kept: HashMap<Vec<ScalarValue>, Outcome>,
}

impl Evaluation {
    async fn apply(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let columns: Result<Vec<ArrayRef>> = self
            .exec
            .arguments
            .iter()
            .map(|argument| argument.evaluate(batch)?.into_array(batch.num_rows()))
            .collect();
        let columns = columns?;
        let mut outcomes = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            let arguments: Result<Vec<ScalarValue>> = columns
                .iter()
                .map(|column| ScalarValue::try_from_array(column, row))
                .collect();
            outcomes.push(self.outcome(arguments?).await?);
        }
        match self.exec.shape {
            Shape::Rows { outer } => self.joined(batch, &outcomes, outer),
            _ => self.with_values(batch, outcomes),
        }
    }

    async fn outcome(&mut self, arguments: Vec<ScalarValue>) -> Result<Outcome> {
        if let Some(outcome) = self.kept.get(&arguments) {
            return Ok(outcome.clone());
        }
        let rows = self.run(&arguments).await?;
        let outcome = self.shaped(&rows)?;
        if self.kept.len() < MAX_KEPT {
            self.kept.insert(arguments, outcome.clone());
        }
        Ok(outcome)
    }

    async fn run(&self, arguments: &[ScalarValue]) -> Result<Vec<RecordBatch>> {
        let subplan = &self.exec.subplan;
        let plan = with_arguments(subplan, arguments)?;
        let physical = subplan
            .state
            .query_planner()
            .create_physical_plan(&plan, &subplan.state)
            .await?;
        collect(physical, subplan.state.task_ctx()).await
    }

    fn shaped(&self, rows: &[RecordBatch]) -> Result<Outcome> {
        let count: usize = rows.iter().map(RecordBatch::num_rows).sum();
        Ok(match self.exec.shape {
            Shape::Exists => Outcome::Value(ScalarValue::Boolean(Some(count > 0))),
            Shape::Scalar if count > 1 => {
                return Err(Error::new(
                    ErrorKind::CardinalityViolation,
                    "more than one row returned by a subquery used as an expression",
                )
                .into());
            }
            Shape::Scalar => {
                let values = values_of(rows)?;
                let one = values.into_iter().next();
                Outcome::Value(one.map_or_else(|| ScalarValue::try_from(self.added_type()), Ok)?)
            }
            Shape::Array => {
                let values = values_of(rows)?;
                let element = match self.added_type() {
                    DataType::List(item) => item.data_type().clone(),
                    other => other.clone(),
                };
                Outcome::Value(ScalarValue::List(ScalarValue::new_list_nullable(&values, &element)))
            }
            Shape::Rows { .. } => {
                let schema = Arc::new(Schema::new(self.exec.added.clone()));
                let own: Result<Vec<RecordBatch>> = rows.iter().map(|batch| renamed(batch, &schema)).collect();
                Outcome::Rows(Arc::new(concat_batches(&schema, &own?)?))
            }
        })
    }

    fn added_type(&self) -> &DataType {
        self.exec
            .added
            .first()
            .map_or(&DataType::Null, |field| field.data_type())
    }

    fn with_values(&self, batch: &RecordBatch, outcomes: Vec<Outcome>) -> Result<RecordBatch> {
        let values: Vec<ScalarValue> = outcomes
            .into_iter()
            .map(|outcome| match outcome {
                Outcome::Value(value) => value,
                Outcome::Rows(_) => ScalarValue::Null,
            })
            .collect();
        let column = if values.is_empty() {
            new_null_array(self.added_type(), 0)
        } else {
            ScalarValue::iter_to_array(values)?
        };
        let mut columns = batch.columns().to_vec();
        columns.push(column);
        Ok(RecordBatch::try_new(Arc::clone(&self.exec.schema), columns)?)
    }

    /// Each input row beside each of its subquery's rows.
    fn joined(&self, batch: &RecordBatch, outcomes: &[Outcome], outer: bool) -> Result<RecordBatch> {
        let schema = Arc::new(Schema::new(self.exec.added.clone()));
        let nothing = RecordBatch::try_new_with_options(
            Arc::clone(&schema),
            self.exec
                .added
                .iter()
                .map(|field| new_null_array(field.data_type(), 1))
                .collect(),
            &RecordBatchOptions::new().with_row_count(Some(1)),
        )?;
        let mut left = Vec::new();
        let mut right = Vec::new();
        for (row, outcome) in outcomes.iter().enumerate() {
            let Outcome::Rows(rows) = outcome else {
                continue;
            };
            let found = if rows.num_rows() == 0 && outer {
                &nothing
            } else {
                rows.as_ref()
            };
            left.extend(std::iter::repeat_n(row as u64, found.num_rows()));
            right.push(found.clone());
        }
        let left = take_record_batch(batch, &UInt64Array::from(left))?;
        let right = concat_batches(&schema, &right)?;
        let columns = left.columns().iter().chain(right.columns()).map(Arc::clone).collect();
        let count = RecordBatchOptions::new().with_row_count(Some(left.num_rows()));
        Ok(RecordBatch::try_new_with_options(
            Arc::clone(&self.exec.schema),
            columns,
            &count,
        )?)
    }
}

fn with_arguments(subplan: &Subplan, arguments: &[ScalarValue]) -> Result<LogicalPlan> {
    if arguments.is_empty() {
        return Ok(subplan.plan.clone());
    }
    let named: HashMap<String, ScalarValue> = subplan
        .parameters
        .iter()
        .cloned()
        .zip(arguments.iter().cloned())
        .collect();
    subplan
        .plan
        .clone()
        .replace_params_with_values(&ParamValues::from(named))
}

/// The values of the first column.
fn values_of(rows: &[RecordBatch]) -> Result<Vec<ScalarValue>> {
    let mut values = Vec::new();
    for batch in rows {
        for row in 0..batch.num_rows() {
            values.push(ScalarValue::try_from_array(batch.column(0), row)?);
        }
    }
    Ok(values)
}

/// The same columns under the announced names and types.
fn renamed(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns: std::result::Result<Vec<ArrayRef>, _> = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| arrow::compute::cast(column, field.data_type()))
        .collect();
    let count = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns?, &count)?)
}
