//! Comparisons of derived columns, said again over the columns they derive from, so that a filter on
//! `submission_date` or `window_end` still excludes row groups and pages by the statistics of what the file stores.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, InListExpr, Literal, lit};

use super::expressions::{WINDOW_MICROSECONDS, cast, file_column};
use super::functions::{DateText, MICROSECONDS_PER_DAY};
use super::{ColumnRule, FilePlan, time_type};

type Expression = Arc<dyn PhysicalExpr>;

impl FilePlan {
    /// The same condition over this file's columns, if `expression` compares a derived column with a constant.
    pub(super) fn comparison(&self, expression: &Expression, file_schema: &Schema) -> Result<Option<Expression>> {
        if let Some(binary) = expression.downcast_ref::<BinaryExpr>() {
            let Some((column, operator, value)) = column_and_value(binary) else {
                return Ok(None);
            };
            return self.compare(column, operator, value, file_schema);
        }
        if let Some(list) = expression.downcast_ref::<InListExpr>() {
            return self.in_list(list, file_schema);
        }
        Ok(None)
    }

    fn compare(
        &self,
        column: &str,
        operator: Operator,
        value: &ScalarValue,
        file_schema: &Schema,
    ) -> Result<Option<Expression>> {
        let Some(rule) = self.columns.get(column).map(|column| &column.rule) else {
            return Ok(None);
        };
        match (rule, value) {
            (ColumnRule::DayOf(time), ScalarValue::Date32(Some(days))) => {
                let time = self.build(time, &time_type(), file_schema)?;
                Ok(day_condition(&time, operator, *days))
            }
            (ColumnRule::EndOf(start), ScalarValue::TimestampMicrosecond(Some(end), zone)) => {
                let Some(start_value) = end.checked_sub(WINDOW_MICROSECONDS) else {
                    return Ok(None);
                };
                let start = self.build(start, &time_type(), file_schema)?;
                let value = ScalarValue::TimestampMicrosecond(Some(start_value), zone.clone());
                Ok(Some(binary(start, operator, lit(value))))
            }
            (
                ColumnRule::DateText {
                    column,
                    format: Some(format),
                },
                ScalarValue::Date32(Some(days)),
            ) => self.date_text_condition(rule, column, *format, operator, *days, file_schema),
            _ => Ok(None),
        }
    }

    /// The text's comparison is added, not put in place of the date's: it decides what cannot match by statistics,
    /// the date decides what does.
    fn date_text_condition(
        &self,
        rule: &ColumnRule,
        column: &str,
        format: DateText,
        operator: Operator,
        days: i32,
        file_schema: &Schema,
    ) -> Result<Option<Expression>> {
        let sorts_alike = matches!(
            operator,
            Operator::Eq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq
        );
        let Some(text) = format.format(days).filter(|_| sorts_alike) else {
            return Ok(None);
        };
        let column = file_column(column, file_schema)?;
        let data_type = column.data_type(file_schema)?;
        let value = if data_type.is_integer() {
            ScalarValue::try_from_string(text, &data_type)?
        } else {
            ScalarValue::Utf8View(Some(text))
        };
        let stored = cast(column, &value.data_type(), file_schema)?;
        let date = self.build(rule, &arrow::datatypes::DataType::Date32, file_schema)?;
        let exact = binary(date, operator, lit(ScalarValue::Date32(Some(days))));
        Ok(Some(binary(binary(stored, operator, lit(value)), Operator::And, exact)))
    }

    /// `x IN (a, b)` as `x = a OR x = b`, each said again.
    fn in_list(&self, list: &InListExpr, file_schema: &Schema) -> Result<Option<Expression>> {
        let Some(column) = list.expr().downcast_ref::<Column>() else {
            return Ok(None);
        };
        if list.negated() {
            return Ok(None);
        }
        let mut condition: Option<Expression> = None;
        for item in list.list() {
            let Some(value) = item.downcast_ref::<Literal>().map(Literal::value) else {
                return Ok(None);
            };
            let Some(one) = self.compare(column.name(), Operator::Eq, value, file_schema)? else {
                return Ok(None);
            };
            condition = Some(match condition {
                Some(others) => binary(others, Operator::Or, one),
                None => one,
            });
        }
        Ok(condition)
    }
}

fn binary(left: Expression, operator: Operator, right: Expression) -> Expression {
    Arc::new(BinaryExpr::new(left, operator, right))
}

/// `column op constant`, whichever side the constant stands on.
fn column_and_value(binary: &BinaryExpr) -> Option<(&str, Operator, &ScalarValue)> {
    let column = |expression: &'_ Expression| expression.downcast_ref::<Column>().is_some();
    let (column, operator, literal) = if column(binary.left()) {
        (binary.left(), *binary.op(), binary.right())
    } else {
        (binary.right(), binary.op().swap()?, binary.left())
    };
    Some((
        column.downcast_ref::<Column>()?.name(),
        operator,
        literal.downcast_ref::<Literal>()?.value(),
    ))
}

/// `day(time) op day` as a range of times.
fn day_condition(time: &Expression, operator: Operator, days: i32) -> Option<Expression> {
    let midnight = i64::from(days).checked_mul(MICROSECONDS_PER_DAY)?;
    let next_midnight = midnight.checked_add(MICROSECONDS_PER_DAY)?;
    let compare = |operator, microseconds| {
        let value = ScalarValue::TimestampMicrosecond(Some(microseconds), Some("UTC".into()));
        binary(Arc::clone(time), operator, lit(value))
    };
    Some(match operator {
        Operator::Eq => binary(
            compare(Operator::GtEq, midnight),
            Operator::And,
            compare(Operator::Lt, next_midnight),
        ),
        Operator::NotEq => binary(
            compare(Operator::Lt, midnight),
            Operator::Or,
            compare(Operator::GtEq, next_midnight),
        ),
        Operator::Lt => compare(Operator::Lt, midnight),
        Operator::LtEq => compare(Operator::Lt, next_midnight),
        Operator::Gt => compare(Operator::GtEq, next_midnight),
        Operator::GtEq => compare(Operator::GtEq, midnight),
        _ => return None,
    })
}
