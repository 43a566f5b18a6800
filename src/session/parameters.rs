//! Parameters of statements: which types they have, and how values take their place.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ParamValues, ScalarValue};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr as PlanExpr, ExprSchemable, LogicalPlan, Statement as PlanStatement};
use datafusion::sql::parser::Statement as EngineStatement;
use datafusion::sql::sqlparser::ast::{
    DataType as SqlType, ExactNumberInfo, Expr, Ident, Statement, TimezoneInfo, Value, visit_expressions,
};

use super::rows::wire_type;
use super::statements::{Work, parse};
use crate::error::{Error, ErrorKind, Result};

/// The most parameters a statement may have: the protocol counts them in 16 bits.
const MAX_PARAMETERS: usize = 65_535;

/// Plans a statement and settles the type of each of its parameters: the client's declaration, else what the planner
/// infers, else text.
pub async fn plan(
    state: &SessionState,
    statement: Statement,
    declared: &[Option<DataType>],
) -> Result<(LogicalPlan, Vec<DataType>)> {
    let declared = &with_cast_types(state, &statement, declared).await?;
    let first = state
        .statement_to_plan(EngineStatement::Statement(Box::new(statement.clone())))
        .await;
    let types = match &first {
        Ok(plan) => {
            super::gate::check_size(plan)?;
            settled_types(plan, declared)?
        }
        // An expression over untyped parameters may not plan; with the declared types it can.
        Err(_) if !declared.is_empty() => declared
            .iter()
            .map(|one| one.clone().unwrap_or(DataType::Utf8))
            .collect(),
        Err(_) => vec![],
    };
    if types.is_empty() {
        return Ok((first?, types));
    }
    let sql_types: Result<Vec<SqlType>> = types.iter().map(sql_type).collect();
    let typed = Statement::Prepare {
        name: Ident::new("statement"),
        data_types: sql_types?,
        statement: Box::new(statement),
    };
    match state
        .statement_to_plan(EngineStatement::Statement(Box::new(typed)))
        .await?
    {
        LogicalPlan::Statement(PlanStatement::Prepare(prepare)) => Ok((Arc::unwrap_or_clone(prepare.input), types)),
        other => Ok((other, types)),
    }
}

/// A parameter whose type the client left open and that the statement casts, as in `$1::date`, has the cast's type.
async fn with_cast_types(
    state: &SessionState,
    statement: &Statement,
    declared: &[Option<DataType>],
) -> Result<Vec<Option<DataType>>> {
    let mut types = declared.to_vec();
    for (number, cast_type) in cast_parameters(statement) {
        if types.len() < number {
            types.resize(number, None);
        }
        if types[number - 1].is_none() {
            types[number - 1] = Some(arrow_type(state, cast_type).await?);
        }
    }
    Ok(types)
}

/// The numbers of the parameters that stand in a cast, with the types they are cast to.
fn cast_parameters(statement: &Statement) -> Vec<(usize, SqlType)> {
    let mut found = Vec::new();
    let _: ControlFlow<()> = visit_expressions(statement, |expression: &Expr| {
        if let Expr::Cast { expr, data_type, .. } = expression
            && let Expr::Value(literal) = expr.as_ref()
            && let Value::Placeholder(name) = &literal.value
            // A number out of range is refused where all parameters are counted.
            && let Ok(number) = parameter_number(name)
        {
            found.push((number, data_type.clone()));
        }
        ControlFlow::Continue(())
    });
    found
}

/// PostgreSQL's names of the types that a statement casts its parameters to, where the engine has no type of its own
/// for them. By the parameters' numbers.
pub fn cast_names(statement: &Statement) -> HashMap<usize, String> {
    cast_parameters(statement)
        .into_iter()
        .filter_map(|(number, cast_type)| Some((number, type_name(&cast_type)?)))
        .collect()
}

/// The declared types, and those that a name settles before the rules on casts have changed them.
pub fn with_names(declared: &[Option<DataType>], names: &HashMap<usize, String>) -> Vec<Option<DataType>> {
    let mut types = declared.to_vec();
    for (number, _) in names.iter().filter(|(_, name)| *name == "oid") {
        if types.len() < *number {
            types.resize(*number, None);
        }
        types[number - 1].get_or_insert(DataType::Int64);
    }
    types
}

fn type_name(sql_type: &SqlType) -> Option<String> {
    let written = sql_type.to_string().to_lowercase();
    let plain = written.strip_prefix("pg_catalog.").unwrap_or(&written);
    let (element, brackets) = match plain.strip_suffix("[]") {
        Some(element) => (element, "[]"),
        None => (plain, ""),
    };
    let known = match element {
        "oid" | "name" | "varchar" => element,
        "character varying" => "varchar",
        // Without its quotes it is another type.
        "\"char\"" => "char",
        _ => return None,
    };
    Some(format!("{known}{brackets}"))
}

/// The names of all parameters' types: as they are cast, else as what they are compared with.
pub fn names(plan: &LogicalPlan, mut cast: HashMap<usize, String>, count: usize) -> Vec<Option<String>> {
    let mut arrays = compared_arrays(plan);
    (1..=count)
        .map(|number| cast.remove(&number).or_else(|| arrays.remove(&number)?.1))
        .collect()
}

/// The parameters that stand for the array in `value = ANY ($1)`, which has the value's type for its elements; with
/// PostgreSQL's name of the array's type where the value's has one. By the parameters' numbers.
fn compared_arrays(plan: &LogicalPlan) -> HashMap<usize, (DataType, Option<String>)> {
    let mut found = HashMap::new();
    // The closures fail for nothing, and a type that cannot be told leaves the parameter as it is.
    let _ = plan.apply_with_subqueries(|node| {
        let mut schema = node.schema().as_ref().clone();
        for input in node.inputs() {
            schema.merge(input.schema());
        }
        node.apply_expressions(|expression| {
            expression.apply(|one| {
                if let Some((number, array)) = compared_array(one, &schema) {
                    found.insert(number, array);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    found
}

fn compared_array(expression: &PlanExpr, schema: &DFSchema) -> Option<(usize, (DataType, Option<String>))> {
    let PlanExpr::ScalarFunction(call) = expression else {
        return None;
    };
    let ("any_of" | "all_of", [_, value, PlanExpr::Placeholder(placeholder)]) =
        (call.func.name(), call.args.as_slice())
    else {
        return None;
    };
    let (_, field) = value.to_field(schema).ok()?;
    let element = wire_type(field.data_type());
    if element.is_null() || element.is_nested() {
        return None;
    }
    let name = super::rows::type_name(&field).map(|name| format!("{name}[]"));
    let array = DataType::List(Arc::new(Field::new("item", element, true)));
    Some((parameter_number(&placeholder.id).ok()?, (array, name)))
}

/// The engine's type for one written in SQL: that of a NULL cast to it.
async fn arrow_type(state: &SessionState, sql_type: SqlType) -> Result<DataType> {
    let null = parse(&format!("SELECT CAST(NULL AS {sql_type})"))?
        .pop()
        .map(|one| one.work);
    let Some(Work::Query(statement)) = null else {
        return Err(Error::internal("a cast of NULL is no query"));
    };
    let plan = state.statement_to_plan(EngineStatement::Statement(statement)).await?;
    Ok(match wire_type(plan.schema().field(0).data_type()) {
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone),
        other => other,
    })
}

fn settled_types(plan: &LogicalPlan, declared: &[Option<DataType>]) -> Result<Vec<DataType>> {
    let inferred = plan.get_parameter_types()?;
    let arrays = compared_arrays(plan);
    let mut count = declared.len();
    for name in inferred.keys() {
        count = count.max(parameter_number(name)?);
    }
    Ok((0..count)
        .map(|index| {
            let declared = declared.get(index).cloned().flatten();
            let inferred = || inferred.get(&format!("${}", index + 1)).cloned().flatten();
            let of_array = || arrays.get(&(index + 1)).map(|(data_type, _)| data_type.clone());
            match declared.or_else(inferred).or_else(of_array) {
                None | Some(DataType::Null | DataType::Utf8View | DataType::LargeUtf8) => DataType::Utf8,
                Some(DataType::Dictionary(_, values)) => *values,
                Some(DataType::Timestamp(_, zone)) => DataType::Timestamp(TimeUnit::Microsecond, zone),
                Some(other) => other,
            }
        })
        .collect())
}

fn parameter_number(name: &str) -> Result<usize> {
    match name.trim_start_matches('$').parse::<usize>() {
        Ok(number) if (1..=MAX_PARAMETERS).contains(&number) => Ok(number),
        _ => Err(
            Error::new(ErrorKind::UndefinedParameter, format!("there is no parameter {name}"))
                .with_hint("parameters are written $1, $2 and so on"),
        ),
    }
}

/// The SQL name of a type, for the planner's typed PREPARE.
fn sql_type(data_type: &DataType) -> Result<SqlType> {
    Ok(match data_type {
        DataType::Boolean => SqlType::Boolean,
        DataType::Int8 | DataType::Int16 => SqlType::SmallInt(None),
        DataType::Int32 | DataType::UInt8 | DataType::UInt16 => SqlType::Int(None),
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => SqlType::BigInt(None),
        DataType::Float16 | DataType::Float32 => SqlType::Real,
        DataType::Float64 => SqlType::DoublePrecision,
        DataType::Utf8 => SqlType::Text,
        DataType::Binary => SqlType::Bytea,
        DataType::Date32 | DataType::Date64 => SqlType::Date,
        DataType::Time32(_) | DataType::Time64(_) => SqlType::Time(None, TimezoneInfo::None),
        DataType::Timestamp(_, None) => SqlType::Timestamp(Some(6), TimezoneInfo::None),
        DataType::Timestamp(_, Some(_)) => SqlType::Timestamp(Some(6), TimezoneInfo::WithTimeZone),
        DataType::Interval(_) | DataType::Duration(_) => SqlType::Interval {
            fields: None,
            precision: None,
        },
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => SqlType::Numeric(ExactNumberInfo::PrecisionAndScale(
            u64::from(*precision),
            i64::from(*scale),
        )),
        DataType::List(item) => SqlType::Array(datafusion::sql::sqlparser::ast::ArrayElemTypeDef::SquareBracket(
            Box::new(sql_type(item.data_type())?),
            None,
        )),
        other => {
            return Err(Error::not_supported(format!(
                "a parameter of type {other} is not supported"
            )));
        }
    })
}

/// Puts values in the parameters' places.
pub fn bind(plan: LogicalPlan, values: Vec<ScalarValue>) -> Result<LogicalPlan> {
    let names = plan.get_parameter_names()?;
    if names.is_empty() {
        return Ok(plan);
    }
    for name in &names {
        if parameter_number(name)? > values.len() {
            return Err(Error::new(
                ErrorKind::UndefinedParameter,
                format!("there is no parameter {name}"),
            ));
        }
    }
    Ok(plan.replace_params_with_values(&ParamValues::from(values))?)
}
