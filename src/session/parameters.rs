//! Parameters of statements: which types they have, and how values take their place.

use std::ops::ControlFlow;

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{LogicalPlan, Statement as PlanStatement};
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
        LogicalPlan::Statement(PlanStatement::Prepare(prepare)) => {
            Ok((std::sync::Arc::unwrap_or_clone(prepare.input), types))
        }
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
    let mut count = declared.len();
    for name in inferred.keys() {
        count = count.max(parameter_number(name)?);
    }
    Ok((0..count)
        .map(|index| {
            let declared = declared.get(index).cloned().flatten();
            let inferred = || inferred.get(&format!("${}", index + 1)).cloned().flatten();
            match declared.or_else(inferred) {
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
