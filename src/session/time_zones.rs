//! Time zones as PostgreSQL has them. `date_trunc` cuts times with a zone at the hours and days of the session's zone,
//! whatever zone the column carries; `AT TIME ZONE` (the function `timezone`) turns a time with a zone into the wall
//! clock's of that zone and back. Views keep the engine's own functions, so that what they group by is the same for
//! everybody.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::timezone::Tz;
use arrow::array::{AsArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, MappedLocalTime as LocalResult, Offset, TimeDelta, TimeZone as _};
use datafusion::common::{Result, plan_err};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, ObjectName,
    Statement, visit_expressions_mut,
};

use crate::error::{Error, ErrorKind};

/// The engine's function, called in the session's zone.
#[derive(Debug, PartialEq, Eq, Hash)]
struct DateTrunc {
    engine: Arc<ScalarUDF>,
}

/// Puts the functions in the place of the engine's.
pub fn register(state: &mut SessionState) {
    let _ = state.register_udf(Arc::new(ScalarUDF::new_from_impl(TimeZone::default())));
    if let Ok(engine) = state.udf("date_trunc") {
        let function = ScalarUDF::new_from_impl(DateTrunc { engine });
        // Registering a scalar function in a state of our own cannot fail.
        let _ = state.register_udf(Arc::new(function));
    }
}

impl ScalarUDFImpl for DateTrunc {
    fn name(&self) -> &str {
        self.engine.name()
    }

    fn aliases(&self) -> &[String] {
        self.engine.aliases()
    }

    fn signature(&self) -> &Signature {
        self.engine.signature()
    }

    fn return_type(&self, argument_types: &[DataType]) -> Result<DataType> {
        self.engine.return_type(argument_types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.engine.return_field_from_args(args)
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let zone = args.config_options.execution.time_zone.clone();
        let (Some(time), Some(zone)) = (args.args.get(1), zone) else {
            return self.engine.invoke_with_args(args);
        };
        let carried = time.data_type();
        let DataType::Timestamp(unit, Some(of_column)) = &carried else {
            return self.engine.invoke_with_args(args);
        };
        if of_column.as_ref() == zone {
            return self.engine.invoke_with_args(args);
        }
        let in_session = DataType::Timestamp(*unit, Some(zone.as_str().into()));
        args.args[1] = time.cast_to(&in_session, None)?;
        args.arg_fields[1] = retyped(&args.arg_fields[1], &in_session);
        args.return_field = retyped(&args.return_field, &in_session);
        self.engine.invoke_with_args(args)?.cast_to(&carried, None)
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.engine.output_ordering(inputs)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.engine.documentation()
    }
}

fn retyped(field: &Field, data_type: &DataType) -> FieldRef {
    Arc::new(field.clone().with_data_type(data_type.clone()))
}

/// `timezone(zone, time)`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct TimeZone {
    signature: Signature,
}

impl Default for TimeZone {
    fn default() -> Self {
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for TimeZone {
    fn name(&self) -> &'static str {
        "timezone"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Microseconds, as everywhere in PostgreSQL. Text is a time with a zone.
    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let [_, time] = given else {
            return plan_err!("timezone takes a zone and a time");
        };
        let zone = match time {
            DataType::Timestamp(_, zone) => zone.clone(),
            DataType::Date32 | DataType::Date64 => None,
            _ => Some("UTC".into()),
        };
        let time = DataType::Timestamp(TimeUnit::Microsecond, zone);
        Ok(vec![DataType::Utf8, time])
    }

    fn return_type(&self, argument_types: &[DataType]) -> Result<DataType> {
        let zone = match argument_types.get(1) {
            Some(DataType::Timestamp(_, Some(_))) => None,
            _ => Some("UTC".into()),
        };
        Ok(DataType::Timestamp(TimeUnit::Microsecond, zone))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let (zones, times) = (arrays[0].as_string::<i32>(), &arrays[1]);
        let to_wall_clock = matches!(times.data_type(), DataType::Timestamp(_, Some(_)));
        let mut known: Option<(&str, Tz)> = None;
        let micros = times.as_primitive::<TimestampMicrosecondType>().iter().zip(zones);
        let moved: Result<TimestampMicrosecondArray> = micros
            .map(|(time, name)| {
                let (Some(time), Some(name)) = (time, name) else {
                    return Ok(None);
                };
                let zone = match known {
                    Some((one, zone)) if one == name => zone,
                    _ => zone_named(name)?,
                };
                known = Some((name, zone));
                moved(time, zone, to_wall_clock).map(Some)
            })
            .collect();
        let result = Arc::new(moved?.with_data_type(args.return_type().clone()));
        Ok(ColumnarValue::Array(result))
    }
}

fn zone_named(name: &str) -> Result<Tz> {
    let known = name.parse::<Tz>().or_else(|_| name.to_uppercase().parse::<Tz>());
    known.map_err(|_| {
        let message = format!("time zone \"{name}\" not recognized");
        Error::new(ErrorKind::InvalidParameterValue, message).into()
    })
}

/// From a moment to what a clock in the zone shows then, or from what the clock shows to the moment. Where it shows
/// something twice the later one is meant, and what it never shows is taken as if it had not been put forward yet.
fn moved(micros: i64, zone: Tz, to_wall_clock: bool) -> Result<i64> {
    let out_of_range = || Error::new(ErrorKind::DatetimeFieldOverflow, "timestamp out of range");
    let time = DateTime::from_timestamp_micros(micros)
        .ok_or_else(out_of_range)?
        .naive_utc();
    let offset = if to_wall_clock {
        zone.offset_from_utc_datetime(&time).fix().local_minus_utc()
    } else {
        match zone.offset_from_local_datetime(&time) {
            LocalResult::Single(offset) | LocalResult::Ambiguous(_, offset) => -offset.fix().local_minus_utc(),
            LocalResult::None => {
                let before = time - TimeDelta::hours(3);
                -zone.offset_from_utc_datetime(&before).fix().local_minus_utc()
            }
        }
    };
    let moved = micros.checked_add(i64::from(offset) * 1_000_000);
    Ok(moved.ok_or_else(out_of_range)?)
}

/// `AT TIME ZONE` as a call of `timezone`, and `date_trunc(unit, time, zone)` as
/// `date_trunc(unit, time AT TIME ZONE zone) AT TIME ZONE zone`.
pub fn rewrite(statement: &mut Statement) {
    let _: ControlFlow<()> = visit_expressions_mut(statement, |expression: &mut Expr| {
        if let Expr::AtTimeZone { timestamp, time_zone } = expression {
            *expression = at_zone(timestamp.as_ref().clone(), time_zone);
        } else if let Some(zone) = third_argument(expression) {
            let truncated = expression.clone();
            *expression = at_zone(truncated, &zone);
        }
        ControlFlow::Continue(())
    });
}

/// Takes the third argument out of a call of `date_trunc`, having put the second into that zone.
fn third_argument(expression: &mut Expr) -> Option<Expr> {
    let Expr::Function(call) = expression else {
        return None;
    };
    let name = call.name.0.last()?.as_ident()?;
    if !name.value.eq_ignore_ascii_case("date_trunc") {
        return None;
    }
    let FunctionArguments::List(list) = &mut call.args else {
        return None;
    };
    let [
        _,
        FunctionArg::Unnamed(FunctionArgExpr::Expr(time)),
        FunctionArg::Unnamed(FunctionArgExpr::Expr(zone)),
    ] = list.args.as_mut_slice()
    else {
        return None;
    };
    let zone = zone.clone();
    *time = at_zone(time.clone(), &zone);
    list.args.truncate(2);
    Some(zone)
}

fn at_zone(time: Expr, zone: &Expr) -> Expr {
    let arguments = [zone.clone(), time];
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new("timezone")]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: arguments
                .map(|one| FunctionArg::Unnamed(FunctionArgExpr::Expr(one)))
                .into(),
            clauses: vec![],
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}
