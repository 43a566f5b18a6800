//! What the Parquet reader asks for every file it opens: the query's expressions, said over that file's columns.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, internal_datafusion_err};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr_adapter::{PhysicalExprAdapter, PhysicalExprAdapterFactory};

use super::FilePlan;

/// The key in a file's schema metadata that names the file, so that its own plan is found again.
pub const FILE_KEY: &str = "mission_control.file";

/// Makes the adapter of each file of one scan.
#[derive(Debug)]
pub struct NormalisingAdapterFactory {
    plans: HashMap<String, Arc<FilePlan>>,
}

impl NormalisingAdapterFactory {
    /// Plans by the name that the file's schema carries under `FILE_KEY`.
    pub fn new(plans: HashMap<String, Arc<FilePlan>>) -> Self {
        Self { plans }
    }
}

impl PhysicalExprAdapterFactory for NormalisingAdapterFactory {
    fn create(&self, table_schema: SchemaRef, file_schema: SchemaRef) -> Result<Arc<dyn PhysicalExprAdapter>> {
        let name = file_schema.metadata().get(FILE_KEY);
        let plan = name.and_then(|name| self.plans.get(name)).map(Arc::clone);
        let plan = plan.ok_or_else(|| internal_datafusion_err!("no column plan for source file {name:?}"))?;
        Ok(Arc::new(NormalisingAdapter {
            plan,
            table_schema,
            file_schema,
        }))
    }
}

#[derive(Debug)]
struct NormalisingAdapter {
    plan: Arc<FilePlan>,
    table_schema: SchemaRef,
    file_schema: SchemaRef,
}

impl PhysicalExprAdapter for NormalisingAdapter {
    fn rewrite(&self, expression: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        // From the root down, so that a comparison is seen before its column is; what is written in its place speaks
        // of the file already and is not looked at again.
        expression
            .transform_down(|node| {
                if let Some(condition) = self.plan.comparison(&node, &self.file_schema)? {
                    return Ok(Transformed::new(condition, true, TreeNodeRecursion::Jump));
                }
                let Some(column) = node.downcast_ref::<Column>() else {
                    return Ok(Transformed::no(node));
                };
                let field = self.table_schema.field_with_name(column.name())?;
                let written = self
                    .plan
                    .expression(column.name(), field.data_type(), &self.file_schema)?;
                Ok(Transformed::new(written, true, TreeNodeRecursion::Jump))
            })
            .data()
    }
}
