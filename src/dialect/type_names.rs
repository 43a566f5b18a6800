//! PostgreSQL's types of result columns where the engine's say less: an `oid` is a number with its name in the field's
//! metadata, which the engine loses in arrays, and a whole number that is written out is an `integer` there.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{AggregateFunction, ScalarFunction};
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::catalog::TYPE_KEY;

/// PostgreSQL's name of the type of a plan's column, where it is another than the engine's. Only one way is followed
/// down the plan, so that this takes as long as the plan is deep.
pub fn of_column(plan: &LogicalPlan, index: usize) -> Option<String> {
    let field = plan.schema().fields().get(index)?;
    match plan {
        // The engine keeps a column's metadata through a cast, so only a relation's own say what its columns are.
        LogicalPlan::TableScan(_) => field.metadata().get(TYPE_KEY).cloned(),
        LogicalPlan::Projection(projection) => of_expression(projection.expr.get(index)?, &projection.input),
        LogicalPlan::Aggregate(aggregate) => {
            let expressions = aggregate.group_expr.iter().chain(&aggregate.aggr_expr);
            of_expression(expressions.into_iter().nth(index)?, &aggregate.input)
        }
        LogicalPlan::Join(join) => {
            let left = join.left.schema().fields().len();
            match index.checked_sub(left) {
                Some(index) => of_column(&join.right, index),
                None => of_column(&join.left, index),
            }
        }
        LogicalPlan::RecursiveQuery(query) => of_column(&query.static_term, index),
        LogicalPlan::Union(union) => of_column(union.inputs.first()?, index),
        LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::Window(_) => of_column(plan.inputs().first()?, index),
        _ => None,
    }
}

fn of_expression(expression: &Expr, input: &LogicalPlan) -> Option<String> {
    match expression {
        Expr::Alias(alias) => of_expression(&alias.expr, input),
        Expr::Column(column) => of_column(input, input.schema().maybe_index_of_column(column)?),
        Expr::ScalarSubquery(inner) => of_column(&inner.subquery, 0),
        Expr::Case(case) => of_expression(&case.when_then_expr.first()?.1, input),
        Expr::AggregateFunction(AggregateFunction { func, params }) => {
            let of_argument = || of_expression(params.args.first()?, input);
            match func.name() {
                "array_agg" => of_argument().map(|name| format!("{name}[]")),
                "min" | "max" => of_argument(),
                _ => None,
            }
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) => {
            let of_argument = || of_expression(args.first()?, input);
            match func.name() {
                "array_of_subquery" | "make_array" => of_argument().map(|name| format!("{name}[]")),
                "coalesce" | "nullif" => of_argument(),
                "json_build_object" | "row_json" => Some("json".to_string()),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether a result's column is a whole number that is written out in the query and fits into 32 bits.
pub fn is_small_number(plan: &LogicalPlan, index: usize) -> bool {
    match plan {
        LogicalPlan::Projection(projection) => projection.expr.get(index).is_some_and(is_small),
        LogicalPlan::Sort(_) | LogicalPlan::Limit(_) | LogicalPlan::Distinct(_) => {
            let input = plan.inputs();
            input.first().is_some_and(|input| is_small_number(input, index))
        }
        LogicalPlan::Values(values) => {
            let mut cells = values
                .values
                .iter()
                .filter_map(|row| row.get(index))
                .filter(|cell| !is_null(cell));
            let first = cells.next().is_some_and(is_small);
            first && cells.all(is_small)
        }
        _ => false,
    }
}

fn is_small(expression: &Expr) -> bool {
    match expression {
        Expr::Literal(ScalarValue::Int64(Some(number)), _) => i32::try_from(*number).is_ok(),
        Expr::Alias(alias) => is_small(&alias.expr),
        Expr::Negative(inner) => is_small(inner),
        Expr::Case(case) => {
            let results = case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr);
            let mut said = results.filter(|result| !is_null(result)).peekable();
            said.peek().is_some() && said.all(|result| is_small(result))
        }
        _ => false,
    }
}

fn is_null(expression: &Expr) -> bool {
    matches!(expression, Expr::Literal(value, _) if value.is_null())
}
