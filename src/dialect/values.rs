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
use super::{functions, intervals};
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
        Expr::ScalarFunction(call) if matches!(call.func.name(), "round" | "trunc") => {
            rewrite_rounding(call, schema, state)
        }
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
    if target.is_integer()
        && let Some(rounded) = rounded(&cast.expr, field.data_type(), state)?
    {
        let expr = Box::new(rounded);
        return Ok(Transformed::yes(Expr::Cast(Cast { expr, ..cast })));
    }
    let function = match (display_function(&field), is_text) {
        (None, true) if matches!(field.data_type(), DataType::Timestamp(..)) => "time_text",
        (Some(function), true) => function,
        (Some(_), false) if target.is_integer() => "oid",
        _ => return Ok(Transformed::no(Expr::Cast(cast))),
    };
    Ok(Transformed::yes(called(function, *cast.expr, state)?))
}

/// What a number with a fraction becomes before it is cast to a whole one: the nearest, where the engine cuts it off.
/// Halves go to the even neighbour, but away from zero where PostgreSQL has a `numeric`, as for a literal.
fn rounded(number: &Expr, data_type: &DataType, state: &SessionState) -> EngineResult<Option<Expr>> {
    let function = match data_type {
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) if *scale > 0 => "round",
        DataType::Float64 if is_literal(number) => "round",
        DataType::Float32 | DataType::Float64 => "round_half_even",
        _ => return Ok(None),
    };
    Ok(Some(called(function, number.clone(), state)?))
}

fn is_literal(number: &Expr) -> bool {
    match number {
        Expr::Literal(..) => true,
        Expr::Negative(inner) => is_literal(inner),
        _ => false,
    }
}

/// `round` of a `double precision` goes to the even neighbour; of a `numeric` to so many digits, it has so many.
fn rewrite_rounding(call: ScalarFunction, schema: &DFSchema, state: &SessionState) -> EngineResult<Transformed<Expr>> {
    let unchanged = |call| Ok(Transformed::no(Expr::ScalarFunction(call)));
    let Some(Ok(of)) = call.args.first().map(|number| number.get_type(schema)) else {
        return unchanged(call);
    };
    match (call.func.name(), call.args.as_slice(), of) {
        ("round", [number], DataType::Float64) if !is_literal(number) => {
            Ok(Transformed::yes(called("round_half_even", number.clone(), state)?))
        }
        ("round" | "trunc", [_, Expr::Literal(places, _)], DataType::Decimal128(precision, scale)) => {
            let Ok(ScalarValue::Int64(Some(places))) = places.cast_to(&DataType::Int64) else {
                return unchanged(call);
            };
            let places = i8::try_from(places.max(0)).unwrap_or(scale);
            if places >= scale {
                return unchanged(call);
            }
            let whole = Expr::ScalarFunction(call);
            let cast = Cast::new(Box::new(whole), DataType::Decimal128(precision, places));
            Ok(Transformed::yes(Expr::Cast(cast)))
        }
        _ => unchanged(call),
    }
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
        if is_arithmetic(&comparison.op) {
            let left = number_literal(&comparison.left, &comparison.right, schema)?;
            let right = number_literal(&comparison.right, &comparison.left, schema)?;
            comparison.left = left.unwrap_or(comparison.left);
            comparison.right = right.unwrap_or(comparison.right);
        }
        let planned = intervals::planned(&comparison, schema).or_else(|| after_date(&comparison, schema));
        Ok(match planned {
            Some(planned) => PlannerResult::Planned(planned),
            None => PlannerResult::Original(comparison),
        })
    }
}

/// A date and an interval give a time, where the engine gives a date.
fn after_date(operation: &RawBinaryExpr, schema: &DFSchema) -> Option<Expr> {
    let types = (
        operation.left.get_type(schema).ok()?,
        operation.right.get_type(schema).ok()?,
    );
    let (left, right) = (operation.left.clone(), operation.right.clone());
    match (&operation.op, types) {
        (BinaryOperator::Plus, (DataType::Date32, DataType::Interval(_))) => Some(as_time(left) + right),
        (BinaryOperator::Plus, (DataType::Interval(_), DataType::Date32)) => Some(as_time(right) + left),
        (BinaryOperator::Minus, (DataType::Date32, DataType::Interval(_))) => Some(as_time(left) - right),
        _ => None,
    }
}

fn as_time(date: Expr) -> Expr {
    Expr::Cast(Cast::new(Box::new(date), functions::stamp()))
}

fn is_comparison(operator: &BinaryOperator) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(operator, Eq | NotEq | Lt | LtEq | Gt | GtEq)
}

fn is_arithmetic(operator: &BinaryOperator) -> bool {
    use BinaryOperator::{Divide, Minus, Modulo, Multiply, Plus};
    matches!(operator, Plus | Minus | Multiply | Divide | Modulo)
}

/// A text literal that is added to a number is such a number.
fn number_literal(literal: &Expr, other: &Expr, schema: &DFSchema) -> EngineResult<Option<Expr>> {
    let Expr::Literal(text @ ScalarValue::Utf8(Some(_)), metadata) = literal else {
        return Ok(None);
    };
    match other.get_type(schema) {
        Ok(data_type) if data_type.is_numeric() => Ok(Some(Expr::Literal(text.cast_to(&data_type)?, metadata.clone()))),
        _ => Ok(None),
    }
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
