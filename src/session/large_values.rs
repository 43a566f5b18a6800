//! Values that one short statement can make as large as it likes: `repeat('x', 2000000000)`. The engine allocates them
//! at once and outside its accounts of memory, so their size is worked out, and refused, before they are made.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::compute::cast;
use arrow::compute::kernels::length::length;
use arrow::datatypes::{DataType, FieldRef, Int64Type, IntervalUnit, TimeUnit};
use datafusion::common::Result as EngineResult;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::interval_arithmetic::Interval;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature,
};

use crate::error::{Error, ErrorKind, Result};

/// What one call may make for one batch of rows. Several batches are on their way at a time, and each is copied once
/// more when it is encoded.
const MOST_RESULT_BYTES: i128 = 32 << 20;

/// What the constants of a statement may take in one batch of rows; each stands in every row.
const MOST_CONSTANT_BYTES: usize = 32 << 20;

/// A constant below this does not make a batch large.
const SMALL_CONSTANT_BYTES: usize = 1024;

/// How a function's result grows with its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Growth {
    /// The first argument as often as the second says.
    Times,
    /// As many characters as the second argument says.
    Characters,
    /// The third argument in the place of every occurrence of the second.
    Replaced,
    /// The third argument in the place of every match, of which there may be one more than there are characters.
    Matched,
    /// As many elements as the second argument says, each like the first.
    Elements,
    /// As many elements as there are steps from the first argument to the second.
    Steps,
}

/// The engine's functions whose result is not bounded by the sum of their arguments.
const GROWING: [(&str, Growth); 9] = [
    ("repeat", Growth::Times),
    ("lpad", Growth::Characters),
    ("rpad", Growth::Characters),
    ("replace", Growth::Replaced),
    ("regexp_replace", Growth::Matched),
    ("array_repeat", Growth::Elements),
    ("array_resize", Growth::Elements),
    ("range", Growth::Steps),
    ("generate_series", Growth::Steps),
];

/// Puts a bound before each of the engine's functions that has none.
pub fn register(state: &mut SessionState) -> Result<()> {
    for (name, growth) in GROWING {
        let inner = state.udf(name)?;
        let bounded = Bounded { inner, growth };
        state.register_udf(Arc::new(ScalarUDF::from(bounded)))?;
    }
    Ok(())
}

/// How many rows a batch of this plan may have, so that long constants repeated in each stay bearable. `None` where the
/// usual number does.
pub fn batch_rows(plan: &LogicalPlan) -> Option<usize> {
    let mut bytes = 0usize;
    // Looking at a plan cannot fail; a part that is not looked at is not counted.
    let _ = plan.apply_with_subqueries(|node| {
        for expression in node.expressions() {
            let _ = expression.apply(|part| {
                if let Expr::Literal(constant, _) = part {
                    let size = constant.size();
                    bytes = bytes.saturating_add(if size > SMALL_CONSTANT_BYTES { size } else { 0 });
                }
                Ok(TreeNodeRecursion::Continue)
            });
        }
        Ok(TreeNodeRecursion::Continue)
    });
    (bytes > 0).then(|| (MOST_CONSTANT_BYTES / bytes).max(1))
}

/// A function of the engine with a bound before it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    inner: Arc<ScalarUDF>,
    growth: Growth,
}

impl Bounded {
    fn check(&self, arguments: &ScalarFunctionArgs) -> Result<()> {
        let values = &arguments.args;
        let all_constant = values.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if all_constant { 1 } else { arguments.number_rows };
        let bytes = self.growth.bytes(values, rows)?;
        if bytes <= MOST_RESULT_BYTES {
            return Ok(());
        }
        Err(
            Error::new(ErrorKind::ProgramLimitExceeded, "requested length too large").with_detail(format!(
                "The result of {} would take {bytes} bytes; at most {MOST_RESULT_BYTES} are allowed at a time.",
                self.inner.name()
            )),
        )
    }
}

impl Growth {
    fn bytes(self, values: &[ColumnarValue], rows: usize) -> Result<i128> {
        let numbers = |index: usize| Amounts::numbers(values.get(index));
        let lengths = |index: usize| Amounts::lengths(values.get(index));
        Ok(match self {
            Self::Times => {
                let (text, times) = (lengths(0)?, numbers(1)?);
                total(rows, |row| text.of(row) * times.of(row))
            }
            Self::Characters => {
                let length = numbers(1)?;
                total(rows, |row| length.of(row) * 4)
            }
            Self::Replaced => {
                let (text, from, to) = (lengths(0)?, lengths(1)?, lengths(2)?);
                total(rows, |row| text.of(row) / from.of(row).max(1) * to.of(row))
            }
            Self::Matched => {
                let (text, to) = (lengths(0)?, lengths(2)?);
                total(rows, |row| (text.of(row) + 1) * to.of(row))
            }
            Self::Elements => {
                let count = numbers(1)?;
                let each = values.first().map_or(0, bytes_of_one).max(8);
                total(rows, |row| count.of(row) * each)
            }
            Self::Steps => {
                let (first, last) = match values {
                    [last] => (Amounts::One(0), Amounts::instants(Some(last))?),
                    _ => (Amounts::instants(values.first())?, Amounts::instants(values.get(1))?),
                };
                let step = if values.len() > 2 {
                    Amounts::instants(values.get(2))?
                } else {
                    Amounts::One(1)
                };
                total(rows, |row| {
                    let step = step.signed(row).abs().max(1);
                    (last.signed(row) - first.signed(row)).abs() / step * 8
                })
            }
        })
    }
}

fn total(rows: usize, bytes: impl Fn(usize) -> i128) -> i128 {
    (0..rows).map(bytes).fold(0, i128::saturating_add)
}

fn bytes_of_one(value: &ColumnarValue) -> i128 {
    let bytes = match value {
        ColumnarValue::Scalar(scalar) => scalar.size(),
        ColumnarValue::Array(array) => array.get_array_memory_size() / array.len().max(1),
    };
    bytes as i128
}

/// A number for every row, or one for all.
enum Amounts {
    One(i128),
    Each(Int64Array),
}

impl Amounts {
    fn signed(&self, row: usize) -> i128 {
        match self {
            Self::One(one) => *one,
            Self::Each(each) if row < each.len() && each.is_valid(row) => i128::from(each.value(row)),
            Self::Each(_) => 0,
        }
    }

    fn of(&self, row: usize) -> i128 {
        self.signed(row).max(0)
    }

    /// What is no number counts as none: the function itself says what is wrong with it.
    fn from_array(array: &ArrayRef, is_constant: bool) -> Self {
        match cast(array, &DataType::Int64) {
            Ok(numbers) if is_constant => Self::One(Self::Each(numbers.as_primitive::<Int64Type>().clone()).signed(0)),
            Ok(numbers) => Self::Each(numbers.as_primitive::<Int64Type>().clone()),
            Err(_) => Self::One(0),
        }
    }

    fn made_from(value: Option<&ColumnarValue>, make: impl Fn(&ArrayRef) -> Option<ArrayRef>) -> Result<Self> {
        let (array, is_constant) = match value {
            None => return Ok(Self::One(0)),
            Some(ColumnarValue::Scalar(scalar)) => (scalar.to_array_of_size(1)?, true),
            Some(ColumnarValue::Array(array)) => (Arc::clone(array), false),
        };
        Ok(make(&array).map_or(Self::One(0), |made| Self::from_array(&made, is_constant)))
    }

    fn numbers(value: Option<&ColumnarValue>) -> Result<Self> {
        Self::made_from(value, |array| Some(Arc::clone(array)))
    }

    fn lengths(value: Option<&ColumnarValue>) -> Result<Self> {
        Self::made_from(value, |array| length(array.as_ref()).ok())
    }

    /// Numbers as they are, days and times as microseconds, intervals as microseconds with months of 28 days.
    fn instants(value: Option<&ColumnarValue>) -> Result<Self> {
        let microseconds = DataType::Timestamp(TimeUnit::Microsecond, None);
        Self::made_from(value, |array| match array.data_type() {
            DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, _) => cast(array, &microseconds).ok(),
            DataType::Interval(unit) => interval_microseconds(array, *unit),
            _ => Some(Arc::clone(array)),
        })
    }
}

fn interval_microseconds(array: &ArrayRef, unit: IntervalUnit) -> Option<ArrayRef> {
    const DAY: i64 = 86_400_000_000;
    if unit != IntervalUnit::MonthDayNano {
        return None;
    }
    let intervals = array.as_primitive::<arrow::datatypes::IntervalMonthDayNanoType>();
    let microseconds = intervals.iter().map(|interval| {
        interval.map(|interval| {
            let days = i64::from(interval.months) * 28 + i64::from(interval.days);
            days.saturating_mul(DAY).saturating_add(interval.nanoseconds / 1000)
        })
    });
    Some(Arc::new(microseconds.collect::<Int64Array>()))
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn schema_name(&self, args: &[Expr]) -> EngineResult<String> {
        self.inner.inner().schema_name(args)
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arg_types: &[DataType]) -> EngineResult<DataType> {
        self.inner.return_type(arg_types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> EngineResult<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn with_updated_config(&self, config: &ConfigOptions) -> Option<ScalarUDF> {
        let inner = Arc::new(self.inner.inner().with_updated_config(config)?);
        let growth = self.growth;
        Some(ScalarUDF::from(Self { inner, growth }))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> EngineResult<ColumnarValue> {
        self.check(&args)?;
        self.inner.invoke_with_args(args)
    }

    fn simplify(&self, args: Vec<Expr>, context: &SimplifyContext) -> EngineResult<ExprSimplifyResult> {
        self.inner.simplify(args, context)
    }

    fn short_circuits(&self) -> bool {
        self.inner.short_circuits()
    }

    fn evaluate_bounds(&self, inputs: &[&Interval]) -> EngineResult<Interval> {
        self.inner.evaluate_bounds(inputs)
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> EngineResult<SortProperties> {
        self.inner.output_ordering(inputs)
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> EngineResult<Vec<DataType>> {
        self.inner.coerce_types(arg_types)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::StringArray;
    use datafusion::common::ScalarValue;

    fn text(text: &str) -> ColumnarValue {
        ColumnarValue::Scalar(ScalarValue::from(text))
    }

    fn number(number: i64) -> ColumnarValue {
        ColumnarValue::Scalar(ScalarValue::from(number))
    }

    #[test]
    fn sizes_are_those_of_the_results() {
        let bytes = |growth: Growth, values: &[ColumnarValue]| growth.bytes(values, 1).unwrap();
        assert_eq!(bytes(Growth::Times, &[text("ab"), number(5)]), 10);
        assert_eq!(bytes(Growth::Times, &[text("ab"), number(-5)]), 0);
        assert_eq!(bytes(Growth::Replaced, &[text("aaaa"), text("aa"), text("xyz")]), 6);
        assert_eq!(bytes(Growth::Matched, &[text("aa"), text("a*"), text("xyz")]), 9);
        assert_eq!(
            bytes(Growth::Steps, &[number(1), number(i64::MAX)]),
            (i128::from(i64::MAX) - 1) * 8
        );
        assert_eq!(bytes(Growth::Steps, &[number(10), number(0), number(-5)]), 16);
        let days = [
            ColumnarValue::Scalar(ScalarValue::Date32(Some(0))),
            ColumnarValue::Scalar(ScalarValue::Date32(Some(10))),
            ColumnarValue::Scalar(ScalarValue::new_interval_mdn(0, 1, 0)),
        ];
        assert_eq!(bytes(Growth::Steps, &days), 80);
    }

    #[test]
    fn every_row_counts() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("ccc")]));
        let times: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
        let values = [ColumnarValue::Array(texts), ColumnarValue::Array(times)];
        assert_eq!(Growth::Times.bytes(&values, 3).unwrap(), 1 + 9);
    }
}
