//! A column's rule as a physical expression over one file's columns.

use std::sync::Arc;

use arrow::compute::CastOptions;
use arrow::datatypes::{DataType, Schema, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::format::DEFAULT_FORMAT_OPTIONS;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{Operator, ScalarUDF};
use datafusion::physical_expr::expressions::{BinaryExpr, CastExpr, Column, case, is_not_null, lit};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};

use super::functions::{SourceDate, SourceDay, SourcePlatform};
use super::{ColumnRule, FilePlan, time_type};
use crate::sources::columns::Unit;

/// Windows last 5 minutes in every known source.
pub(super) const WINDOW_MICROSECONDS: i64 = 5 * 60 * 1_000_000;

/// What cannot be cast becomes NULL: a NaN count, a number beyond bigint.
const SAFE_CAST: CastOptions<'static> = CastOptions {
    safe: true,
    format_options: DEFAULT_FORMAT_OPTIONS,
};

type Expression = Arc<dyn PhysicalExpr>;

impl FilePlan {
    /// The expression that computes a table column from this file's columns, as `data_type`.
    pub(super) fn expression(&self, name: &str, data_type: &DataType, file_schema: &Schema) -> Result<Expression> {
        match self.columns.get(name) {
            Some(column) => self.build(&column.rule, data_type, file_schema),
            None => Ok(lit(ScalarValue::try_new_null(data_type)?)),
        }
    }

    /// The expression of a rule that is not necessarily a table column's.
    pub(super) fn build(&self, rule: &ColumnRule, data_type: &DataType, file_schema: &Schema) -> Result<Expression> {
        match rule {
            ColumnRule::Null => Ok(lit(ScalarValue::try_new_null(data_type)?)),
            ColumnRule::Constant(value) => Ok(lit(value.cast_to(data_type)?)),
            ColumnRule::Column(name) => cast(file_column(name, file_schema)?, data_type, file_schema),
            ColumnRule::Epoch { column, unit } => epoch(file_column(column, file_schema)?, *unit, file_schema),
            ColumnRule::Scaled { column, unit } => scaled(file_column(column, file_schema)?, *unit, file_schema),
            ColumnRule::DateText { column, format } => {
                let text = cast(file_column(column, file_schema)?, &DataType::Utf8View, file_schema)?;
                call(ScalarUDF::from(SourceDate::new(*format)), vec![text], file_schema)
            }
            ColumnRule::DayOf(time) => {
                let time = self.build(time, &time_type(), file_schema)?;
                call(ScalarUDF::from(SourceDay::new()), vec![time], file_schema)
            }
            ColumnRule::EndOf(start) => {
                // Over whole numbers, because adding an interval to one absurd time would fail the whole query.
                let start = self.build(start, &time_type(), file_schema)?;
                let micros = cast(start, &DataType::Int64, file_schema)?;
                let end = Arc::new(BinaryExpr::new(micros, Operator::Plus, lit(WINDOW_MICROSECONDS)));
                cast(end, &time_type(), file_schema)
            }
            ColumnRule::Coalesce(first, second) => {
                let first = self.build(first, data_type, file_schema)?;
                let second = self.build(second, data_type, file_schema)?;
                case(None, vec![(is_not_null(Arc::clone(&first))?, first)], Some(second))
            }
            ColumnRule::Platform { os_name, application } => {
                let os_name = self.build(os_name, &DataType::Utf8View, file_schema)?;
                let application = self.build(application, &DataType::Utf8View, file_schema)?;
                let function = ScalarUDF::from(SourcePlatform::new(Arc::clone(&self.platforms)));
                call(function, vec![os_name, application], file_schema)
            }
        }
    }
}

/// A column of the file under its own name.
pub(super) fn file_column(name: &str, file_schema: &Schema) -> Result<Expression> {
    Ok(Arc::new(Column::new_with_schema(name, file_schema)?))
}

pub(super) fn cast(expression: Expression, data_type: &DataType, file_schema: &Schema) -> Result<Expression> {
    if expression.data_type(file_schema)? == *data_type {
        return Ok(expression);
    }
    Ok(Arc::new(CastExpr::new(expression, data_type.clone(), Some(SAFE_CAST))))
}

fn epoch(number: Expression, unit: Unit, file_schema: &Schema) -> Result<Expression> {
    let whole = match unit {
        Unit::Days => {
            let days = cast(number, &DataType::Int32, file_schema)?;
            return cast(cast(days, &DataType::Date32, file_schema)?, &time_type(), file_schema);
        }
        _ => cast(number, &DataType::Int64, file_schema)?,
    };
    let time_unit = match unit {
        Unit::Nanoseconds => TimeUnit::Nanosecond,
        Unit::Microseconds => TimeUnit::Microsecond,
        Unit::Milliseconds => TimeUnit::Millisecond,
        _ => TimeUnit::Second,
    };
    let stamped = cast(whole, &DataType::Timestamp(time_unit, Some("UTC".into())), file_schema)?;
    cast(stamped, &time_type(), file_schema)
}

fn scaled(number: Expression, unit: Unit, file_schema: &Schema) -> Result<Expression> {
    let number = cast(number, &DataType::Float64, file_schema)?;
    // Dividing by a whole number of units keeps 90 minutes at 1.5 hours exactly.
    let (operator, factor) = match unit.hours() {
        hours if hours < 1.0 => (Operator::Divide, (1.0 / hours).round()),
        hours => (Operator::Multiply, hours),
    };
    Ok(Arc::new(BinaryExpr::new(number, operator, lit(factor))))
}

fn call(function: ScalarUDF, arguments: Vec<Expression>, file_schema: &Schema) -> Result<Expression> {
    let options = Arc::new(ConfigOptions::default());
    Ok(Arc::new(ScalarFunctionExpr::try_new(
        Arc::new(function),
        arguments,
        file_schema,
        options,
    )?))
}
