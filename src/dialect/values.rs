//! Values whose type is more than Arrow's: numbers that are shown as names, and literals that have no type of their own.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, DFSchemaRef, Result as EngineResult, ScalarValue};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::expr::{Cast, InList, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use super::array_text::parse_array;
use crate::catalog::{RegKind, TYPE_KEY};
use crate::error::Result;

pub fn rewrite(plan: LogicalPlan, state: &SessionState) -> Result<LogicalPlan> {
    let inner = plan
        .transform_up_with_subqueries(|node| rewrite_node(node, state))?
        .data;
    Ok(show_results(inner, state)?)
}

fn rewrite_node(node: LogicalPlan, state: &SessionState) -> EngineResult<Transformed<LogicalPlan>> {
    let schema = input_schema(&node)?;
    let names = NamePreserver::new(&node);
    node.map_expressions(|expression| {
        let name = names.save(&expression);
        let changed = expression.transform_up(|one| rewrite_expression(one, &schema, state))?;
        Ok(changed.update_data(|data| name.restore(data)))
    })
}

/// What the expressions of a node see: the columns of all its inputs, or its own where it has none.
fn input_schema(node: &LogicalPlan) -> EngineResult<DFSchema> {
    let inputs: Vec<DFSchemaRef> = node.inputs().into_iter().map(|input| input.schema().clone()).collect();
    let Some(first) = inputs.first() else {
        return Ok(node.schema().as_ref().clone());
    };
    let mut schema = first.as_ref().clone();
    for other in &inputs[1..] {
        schema.merge(other);
    }
    Ok(schema)
}

fn rewrite_expression(expression: Expr, schema: &DFSchema, state: &SessionState) -> EngineResult<Transformed<Expr>> {
    match expression {
        Expr::Cast(cast) => rewrite_cast(cast, schema, state),
        Expr::InList(mut list) => {
            let changed = type_list(&mut list, schema)?;
            Ok(if changed {
                Transformed::yes(Expr::InList(list))
            } else {
                Transformed::no(Expr::InList(list))
            })
        }
        other => Ok(Transformed::no(other)),
    }
}

/// A cast of a number that is shown as a name: to text it is the name, to a number the number alone. A literal that
/// is cast to an array is read as one.
fn rewrite_cast(cast: Cast, schema: &DFSchema, state: &SessionState) -> EngineResult<Transformed<Expr>> {
    let target = cast.field.data_type().clone();
    if let (Expr::Literal(ScalarValue::Utf8(Some(text)), metadata), DataType::List(item)) =
        (cast.expr.as_ref(), &target)
    {
        let array = parse_array(text, item.data_type())?;
        return Ok(Transformed::yes(Expr::Literal(array, metadata.clone())));
    }
    let Ok((_, field)) = cast.expr.to_field(schema) else {
        return Ok(Transformed::no(Expr::Cast(cast)));
    };
    let is_text = matches!(target, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8);
    let function = match (display_function(&field), is_text) {
        (Some(function), true) => function,
        (Some(_), false) if target.is_integer() => "oid",
        _ => return Ok(Transformed::no(Expr::Cast(cast))),
    };
    Ok(Transformed::yes(called(function, *cast.expr, state)?))
}

/// The function that shows a field's values, where its type is not Arrow's own.
fn display_function(field: &arrow::datatypes::Field) -> Option<&'static str> {
    match field.data_type() {
        DataType::Int64 => RegKind::of_field(field).map(|kind| match kind {
            RegKind::Class => "regclass_name",
            RegKind::Type => "regtype_name",
            RegKind::Procedure => "regproc_name",
            RegKind::Namespace => "regnamespace_name",
            RegKind::Role => "regrole_name",
        }),
        DataType::List(_) => {
            let is_vector = field
                .metadata()
                .get(TYPE_KEY)
                .is_some_and(|name| name.ends_with("vector"));
            is_vector.then_some("vector_text")
        }
        _ => None,
    }
}

fn called(function: &str, argument: Expr, state: &SessionState) -> EngineResult<Expr> {
    let found = state.scalar_functions().get(function).cloned();
    let udf = found.ok_or_else(|| crate::error::Error::internal(format!("no function {function}")))?;
    Ok(Expr::ScalarFunction(ScalarFunction::new_udf(udf, vec![argument])))
}

/// Gives literals their type where the engine first looks at a comparison, and intervals their arithmetic.
#[derive(Debug)]
pub struct LiteralPlanner;

impl ExprPlanner for LiteralPlanner {
    fn plan_binary_op(
        &self,
        mut comparison: RawBinaryExpr,
        schema: &DFSchema,
    ) -> EngineResult<PlannerResult<RawBinaryExpr>> {
        if is_comparison(&comparison.op) {
            let left = typed_literal(&comparison.left, &comparison.right, schema)?;
            let right = typed_literal(&comparison.right, &comparison.left, schema)?;
            comparison.left = left.unwrap_or(comparison.left);
            comparison.right = right.unwrap_or(comparison.right);
        }
        if let Some(scaled) = super::intervals::planned(&comparison, schema) {
            return Ok(PlannerResult::Planned(scaled));
        }
        Ok(PlannerResult::Original(comparison))
    }
}

fn is_comparison(operator: &BinaryOperator) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(operator, Eq | NotEq | Lt | LtEq | Gt | GtEq)
}

/// A text literal beside an array is an array, and beside a truth value one (`indisprimary = 'f'`).
fn typed_literal(literal: &Expr, other: &Expr, schema: &DFSchema) -> EngineResult<Option<Expr>> {
    let Expr::Literal(ScalarValue::Utf8(Some(text)), metadata) = literal else {
        return Ok(None);
    };
    match other.get_type(schema) {
        Ok(DataType::List(item)) => {
            let array = parse_array(text, item.data_type())?;
            Ok(Some(Expr::Literal(array, metadata.clone())))
        }
        Ok(DataType::Boolean) => {
            let truth = ScalarValue::from(text.as_str()).cast_to(&DataType::Boolean)?;
            Ok(Some(Expr::Literal(truth, metadata.clone())))
        }
        _ => Ok(None),
    }
}

fn type_list(list: &mut InList, schema: &DFSchema) -> EngineResult<bool> {
    let mut changed = false;
    for item in &mut list.list {
        if let Some(typed) = typed_literal(item, &list.expr, schema)? {
            *item = typed;
            changed = true;
        }
    }
    Ok(changed)
}

/// What leaves the server is shown: a `regclass` as its name.
fn show_results(plan: LogicalPlan, state: &SessionState) -> EngineResult<LogicalPlan> {
    if matches!(plan, LogicalPlan::Explain(_) | LogicalPlan::Analyze(_)) {
        return Ok(plan);
    }
    let any = plan
        .schema()
        .fields()
        .iter()
        .any(|field| display_function(field).is_some());
    if !any {
        return Ok(plan);
    }
    let shown: EngineResult<Vec<Expr>> = plan
        .schema()
        .iter()
        .map(|(qualifier, field)| {
            let column = Expr::from((qualifier, field));
            match display_function(field) {
                Some(function) => {
                    Ok(called(function, column, state)?.alias_qualified(qualifier.cloned(), field.name()))
                }
                None => Ok(column),
            }
        })
        .collect();
    LogicalPlanBuilder::from(plan).project(shown?)?.build()
}
