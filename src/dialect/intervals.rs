//! An interval times or divided by a number. As in PostgreSQL, what is left of a month becomes days of which 30 are a
//! month, and what is left of a day becomes hours of which 24 are a day.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, IntervalMonthDayNanoArray};
use arrow::datatypes::{DataType, Float64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit};
use datafusion::common::{DFSchema, Result as EngineResult};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::RawBinaryExpr;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use crate::error::{Error, ErrorKind};

const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);
const DAYS_OF_MONTH: f64 = 30.0;
const SECONDS_OF_DAY: f64 = 86_400.0;
const MICROSECONDS_OF_SECOND: f64 = 1e6;
const NANOSECONDS_OF_MICROSECOND: f64 = 1000.0;

/// The operation as a call, if one side is an interval and the other a number.
pub fn planned(operation: &RawBinaryExpr, schema: &DFSchema) -> Option<Expr> {
    let types = (
        operation.left.get_type(schema).ok()?,
        operation.right.get_type(schema).ok()?,
    );
    let (left, right) = (operation.left.clone(), operation.right.clone());
    let (function, interval, number) = match (&operation.op, types) {
        (BinaryOperator::Multiply, (DataType::Interval(_), number)) if number.is_numeric() => (times(), left, right),
        (BinaryOperator::Multiply, (number, DataType::Interval(_))) if number.is_numeric() => (times(), right, left),
        (BinaryOperator::Divide, (DataType::Interval(_), number)) if number.is_numeric() => (divided(), left, right),
        _ => return None,
    };
    Some(Expr::ScalarFunction(ScalarFunction::new_udf(
        Arc::new(function),
        vec![interval, number],
    )))
}

fn times() -> ScalarUDF {
    ScalarUDF::from(Scaled::new("interval_mul", |part, number| part * number))
}

fn divided() -> ScalarUDF {
    ScalarUDF::from(Scaled::new("interval_div", |part, number| part / number))
}

#[derive(Debug)]
struct Scaled {
    name: &'static str,
    of_part: fn(f64, f64) -> f64,
    signature: Signature,
}

impl PartialEq for Scaled {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Scaled {}

impl std::hash::Hash for Scaled {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl Scaled {
    fn new(name: &'static str, of_part: fn(f64, f64) -> f64) -> Self {
        Self {
            name,
            of_part,
            signature: Signature::exact(vec![INTERVAL, DataType::Float64], Volatility::Immutable),
        }
    }

    fn one(&self, interval: IntervalMonthDayNano, number: f64) -> EngineResult<IntervalMonthDayNano> {
        if number == 0.0 && self.name == "interval_div" {
            return Err(Error::new(ErrorKind::DivisionByZero, "division by zero").into());
        }
        let months = (self.of_part)(f64::from(interval.months), number);
        let days = (self.of_part)(f64::from(interval.days), number);
        let microseconds = (self.of_part)(interval.nanoseconds as f64 / NANOSECONDS_OF_MICROSECOND, number);
        let days_of_month = to_six_places(months.fract() * DAYS_OF_MONTH);
        let seconds_of_days = to_six_places((days.fract() + days_of_month.fract()) * SECONDS_OF_DAY);
        // Two parts of a day may be one together.
        let whole_days = days.trunc() + days_of_month.trunc() + (seconds_of_days / SECONDS_OF_DAY).trunc();
        let rest_of_days = seconds_of_days % SECONDS_OF_DAY;
        let microseconds = (microseconds + rest_of_days * MICROSECONDS_OF_SECOND).round_ties_even();
        Ok(IntervalMonthDayNano::new(
            fitting(months.trunc())?,
            fitting(whole_days)?,
            fitting(microseconds * NANOSECONDS_OF_MICROSECOND)?,
        ))
    }
}

/// PostgreSQL rounds what is left of a month, in days, and of a day, in seconds, to six places.
fn to_six_places(number: f64) -> f64 {
    (number * 1e6).round_ties_even() / 1e6
}

fn fitting<N: TryFrom<i128>>(number: f64) -> EngineResult<N> {
    let out_of_range = || Error::new(ErrorKind::DatetimeFieldOverflow, "interval out of range");
    if !number.is_finite() {
        return Err(out_of_range().into());
    }
    Ok(N::try_from(number as i128).map_err(|_| out_of_range())?)
}

impl ScalarUDFImpl for Scaled {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> EngineResult<DataType> {
        Ok(INTERVAL)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> EngineResult<ColumnarValue> {
        let arrays: Vec<ArrayRef> = ColumnarValue::values_to_arrays(&arguments.args)?;
        let intervals = arrays[0].as_primitive::<IntervalMonthDayNanoType>();
        let numbers = arrays[1].as_primitive::<Float64Type>();
        let scaled: EngineResult<IntervalMonthDayNanoArray> = intervals
            .iter()
            .zip(numbers)
            .map(|pair| match pair {
                (Some(interval), Some(number)) => self.one(interval, number).map(Some),
                _ => Ok(None),
            })
            .collect();
        Ok(ColumnarValue::Array(Arc::new(scaled?)))
    }
}
