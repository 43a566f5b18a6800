//! From the plan's node to the operator.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::Result;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{LogicalPlan, UserDefinedLogicalNode};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};

use super::exec::ApplyExec;
use super::node::Apply;

/// The engine's planner, which also knows subqueries that depend on the row.
#[derive(Debug, Default)]
pub struct ApplyPlanner {}

#[async_trait]
impl QueryPlanner for ApplyPlanner {
    async fn create_physical_plan(&self, plan: &LogicalPlan, session: &dyn Session) -> Result<Arc<dyn ExecutionPlan>> {
        let planner = DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(ApplyNodes {})]);
        planner.create_physical_plan(plan, session).await
    }
}

struct ApplyNodes {}

#[async_trait]
impl ExtensionPlanner for ApplyNodes {
    async fn plan_extension(
        &self,
        planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let (Some(apply), Some(logical), Some(input)) = (
            node.as_any().downcast_ref::<Apply>(),
            logical_inputs.first(),
            physical_inputs.first(),
        ) else {
            return Ok(None);
        };
        let arguments: Result<Vec<_>> = apply
            .arguments
            .iter()
            .map(|argument| planner.create_physical_expr(argument, logical.schema(), session, context))
            .collect();
        let added = apply.added.iter().map(|(_, field)| Arc::clone(field)).collect();
        let subplan = Arc::clone(&apply.subplan);
        let exec = ApplyExec::new(Arc::clone(input), arguments?, subplan, apply.shape, added);
        Ok(Some(Arc::new(exec)))
    }
}
