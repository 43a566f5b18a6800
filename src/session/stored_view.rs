//! A view whose rows are computed on the first read and stay as long as the relations beneath it: for small relations
//! that many other views join. Where there is a folder for them, the rows of an earlier start are read instead.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, TableType};
use datafusion::physical_plan::{ExecutionPlan, collect};
use tokio::sync::OnceCell;

use super::kept_rows::KeptView;

/// Who reads first computes; whoever else reads meanwhile waits for the same rows. If the first reader gives up, the
/// next one begins anew.
#[derive(Debug)]
pub struct StoredView {
    plan: LogicalPlan,
    schema: SchemaRef,
    definition: String,
    kept: Option<KeptView>,
    rows: OnceCell<MemTable>,
}

impl StoredView {
    pub fn new(plan: LogicalPlan, definition: String, kept: Option<KeptView>) -> Self {
        let schema = Arc::clone(plan.schema().inner());
        Self {
            plan,
            schema,
            definition,
            kept,
            rows: OnceCell::new(),
        }
    }

    async fn read_or_compute(&self, state: &dyn Session) -> Result<MemTable> {
        let Some(kept) = &self.kept else {
            return MemTable::try_new(Arc::clone(&self.schema), vec![self.compute(state).await?]);
        };
        let rows = match kept.load(&self.schema).await {
            Some(rows) => rows,
            None => {
                let rows = self.compute(state).await?;
                kept.save(&self.schema, &rows).await;
                rows
            }
        };
        MemTable::try_new(Arc::clone(&self.schema), vec![rows])
    }

    async fn compute(&self, state: &dyn Session) -> Result<Vec<RecordBatch>> {
        let physical = state.create_physical_plan(&self.plan).await?;
        let computed = collect(physical, state.task_ctx()).await?;
        // What a plan promises (names, nullability, metadata) and what its last step says may differ in small ways.
        computed
            .into_iter()
            .filter(|batch| batch.num_rows() > 0)
            .map(|batch| {
                Ok(RecordBatch::try_new(
                    Arc::clone(&self.schema),
                    batch.columns().iter().map(compact).collect(),
                )?)
            })
            .collect()
    }
}

/// Without the texts of rows that are not there any more: what a filter or a join leaves refers to all it was made of.
fn compact(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Utf8View => Arc::new(column.as_string_view().gc()),
        _ => Arc::clone(column),
    }
}

#[async_trait]
impl TableProvider for StoredView {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn get_table_definition(&self) -> Option<&str> {
        Some(&self.definition)
    }

    fn get_logical_plan(&'_ self) -> Option<Cow<'_, LogicalPlan>> {
        // A plan given here would be computed again in every query.
        None
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rows = self.rows.get_or_try_init(|| self.read_or_compute(state)).await?;
        rows.scan(state, projection, filters, limit).await
    }
}
