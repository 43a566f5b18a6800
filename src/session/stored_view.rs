//! A view whose rows are computed on the first read and kept as long as the relations beneath it: for small relations
//! that many other views join.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, TableType};
use datafusion::physical_plan::{ExecutionPlan, collect};
use tokio::sync::OnceCell;

/// Who reads first computes; whoever else reads meanwhile waits for the same rows. If the first reader gives up, the
/// next one begins anew.
#[derive(Debug)]
pub struct StoredView {
    plan: LogicalPlan,
    schema: SchemaRef,
    definition: String,
    rows: OnceCell<MemTable>,
}

impl StoredView {
    pub fn new(plan: LogicalPlan, definition: String) -> Self {
        let schema = Arc::clone(plan.schema().inner());
        Self {
            plan,
            schema,
            definition,
            rows: OnceCell::new(),
        }
    }

    async fn compute(&self, state: &dyn Session) -> Result<MemTable> {
        let physical = state.create_physical_plan(&self.plan).await?;
        let computed = collect(physical, state.task_ctx()).await?;
        // What a plan promises (names, nullability, metadata) and what its last step says may differ in small ways.
        let rows = computed
            .into_iter()
            .filter(|batch| batch.num_rows() > 0)
            .map(|batch| {
                Ok(RecordBatch::try_new(
                    Arc::clone(&self.schema),
                    batch.columns().to_vec(),
                )?)
            })
            .collect::<Result<Vec<_>>>()?;
        MemTable::try_new(Arc::clone(&self.schema), vec![rows])
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
        let rows = self.rows.get_or_try_init(|| self.compute(state)).await?;
        rows.scan(state, projection, filters, limit).await
    }
}
