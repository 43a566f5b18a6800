//! What PostgreSQL's language has and the query engine lacks, as rules that keep a query's meaning: on the syntax tree
//! before it is planned, and on the plan before it is optimised. No rule looks at a statement's text.

mod any;
pub mod apply;
mod array_text;
mod calls;
mod column_names;
mod forms;
mod functions;
mod intervals;
mod names;
mod order_by;
mod row_json;
mod set_returning;
mod syntax;
mod system_columns;
pub mod type_names;
mod values;

use std::sync::Arc;

use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;

pub use calls::folded;
pub use column_names::{ColumnNames, take_names};
pub use functions::register as register_functions;
pub use syntax::rewrite_syntax;

use crate::error::Result;

/// Functions that the rules put into a query.
pub fn register(state: &mut SessionState) -> Result<()> {
    for function in [
        any::any_of(),
        any::all_of(),
        apply::array_of_subquery(),
        set_returning::expanded_array(),
        set_returning::series_array(),
    ] {
        state.register_udf(Arc::new(function))?;
    }
    state.register_expr_planner(Arc::new(values::LiteralPlanner))?;
    Ok(())
}

/// The rules on the plan: numbers that are shown as names, literals without a type, subqueries that depend on the row.
pub fn rewrite_plan(plan: LogicalPlan, state: &SessionState) -> Result<LogicalPlan> {
    let plan = values::rewrite(plan, state)?;
    Ok(apply::rewrite(plan, state)?)
}
