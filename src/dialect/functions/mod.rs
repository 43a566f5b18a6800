//! PostgreSQL's functions that the engine lacks, or has under the same name with another meaning. Each looks at one
//! row's arguments and gives one value; NULL arguments give NULL.

pub mod intervals;
mod number_format;
mod numbers;
mod ordered;
mod sleep;
mod template;
mod text;
mod time_format;
mod times;

use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};

use arrow::array::new_empty_array;
use arrow::array::timezone::Tz;
use arrow::datatypes::{DataType, IntervalUnit, TimeUnit};
use datafusion::common::{Result as EngineResult, ScalarValue, plan_err};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use crate::error::{Error, ErrorKind, Result};

/// What an argument has to be.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Whole,
    /// A `double precision`; any number becomes one.
    Float,
    /// A number as it is.
    Number,
    /// A time without a zone; dates become one.
    Stamp,
    /// A time with a zone.
    Zoned,
    Clock,
    Span,
    List,
    Any,
}

impl Kind {
    /// The type that an argument of a given type is cast to, if it fits.
    fn fitted(self, given: &DataType) -> Option<DataType> {
        if given.is_null() {
            return Some(self.usual().unwrap_or(DataType::Null));
        }
        match (self, given) {
            (Self::Text, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => Some(DataType::Utf8),
            (Self::Whole, given) if given.is_integer() => Some(DataType::Int64),
            (Self::Float, given) if given.is_numeric() => Some(DataType::Float64),
            (Self::Number, DataType::Decimal128(..)) => Some(given.clone()),
            (Self::Number, given) if given.is_integer() => Some(DataType::Int64),
            (Self::Number, given) if given.is_numeric() => Some(DataType::Float64),
            (Self::Stamp, DataType::Timestamp(_, None) | DataType::Date32 | DataType::Date64) => self.usual(),
            (Self::Zoned, DataType::Timestamp(_, Some(_))) => self.usual(),
            (Self::Clock, DataType::Time32(_) | DataType::Time64(_)) => self.usual(),
            (Self::Span, DataType::Interval(_) | DataType::Duration(_)) => self.usual(),
            (Self::List, DataType::List(_)) | (Self::Any, _) => Some(given.clone()),
            _ => None,
        }
    }

    /// The type that a literal without a type becomes.
    fn usual(self) -> Option<DataType> {
        Some(match self {
            Self::Text => DataType::Utf8,
            Self::Whole => DataType::Int64,
            Self::Float | Self::Number => DataType::Float64,
            Self::Stamp => stamp(),
            Self::Zoned => zoned(),
            Self::Clock => DataType::Time64(TimeUnit::Microsecond),
            Self::Span => span(),
            Self::List | Self::Any => return None,
        })
    }
}

pub fn stamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

fn zoned() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn span() -> DataType {
    DataType::Interval(IntervalUnit::MonthDayNano)
}

/// The arguments of one row, none of them NULL, and the session's zone.
struct Row<'a> {
    values: &'a [ScalarValue],
    zone: Tz,
}

impl Row<'_> {
    fn value(&self, index: usize) -> &ScalarValue {
        self.values.get(index).unwrap_or(&ScalarValue::Null)
    }

    fn text(&self, index: usize) -> &str {
        match self.values.get(index) {
            Some(ScalarValue::Utf8(Some(text))) => text,
            _ => "",
        }
    }

    fn whole(&self, index: usize) -> i64 {
        match self.values.get(index) {
            Some(ScalarValue::Int64(Some(number))) => *number,
            _ => 0,
        }
    }

    fn float(&self, index: usize) -> f64 {
        match self.values.get(index) {
            Some(ScalarValue::Float64(Some(number))) => *number,
            _ => 0.0,
        }
    }

    /// The microseconds of a time, and whether it has a zone.
    fn micros(&self, index: usize) -> (i64, bool) {
        match self.values.get(index) {
            Some(ScalarValue::TimestampMicrosecond(Some(micros), zone)) => (*micros, zone.is_some()),
            _ => (0, false),
        }
    }
}

/// How a function is defined.
struct Definition {
    name: &'static str,
    /// The forms that its arguments may have.
    forms: &'static [&'static [Kind]],
    result: fn(&[DataType]) -> DataType,
    body: fn(&Row<'_>) -> Result<ScalarValue>,
}

struct DialectFunction {
    definition: Definition,
    signature: Signature,
}

impl std::fmt::Debug for DialectFunction {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.definition.name)
    }
}

impl PartialEq for DialectFunction {
    fn eq(&self, other: &Self) -> bool {
        self.definition.name == other.definition.name
    }
}

impl Eq for DialectFunction {}

impl Hash for DialectFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.definition.name.hash(state);
    }
}

impl ScalarUDFImpl for DialectFunction {
    fn name(&self) -> &str {
        self.definition.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> EngineResult<Vec<DataType>> {
        let forms = self.definition.forms.iter().filter(|form| form.len() == given.len());
        let exact = |form: &&[Kind]| -> Option<Vec<DataType>> {
            form.iter().zip(given).map(|(kind, given)| kind.fitted(given)).collect()
        };
        // A text may be a literal that has no type of its own.
        let from_text = |form: &&[Kind]| -> Option<Vec<DataType>> {
            let fitted = |(kind, given): (&Kind, &DataType)| {
                let is_text = matches!(given, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8);
                kind.fitted(given).or_else(|| kind.usual().filter(|_| is_text))
            };
            form.iter().zip(given).map(fitted).collect()
        };
        let found = forms
            .clone()
            .find_map(exact)
            .or_else(|| forms.clone().find_map(from_text));
        match found {
            Some(types) => Ok(types),
            None => plan_err!(
                "No function matches the given name and argument types '{}'",
                self.name()
            ),
        }
    }

    fn return_type(&self, arguments: &[DataType]) -> EngineResult<DataType> {
        Ok((self.definition.result)(arguments))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> EngineResult<ColumnarValue> {
        let name = arguments.config_options.execution.time_zone.as_deref().unwrap_or("UTC");
        let zone: Tz = name.parse()?;
        let result_type = arguments.return_type();
        let all_scalar = arguments.args.iter().all(|one| matches!(one, ColumnarValue::Scalar(_)));
        let rows = if all_scalar { 1 } else { arguments.number_rows };
        // Constants are made once and not for every row.
        let constant = |argument: &ColumnarValue| match argument {
            ColumnarValue::Scalar(value) => value.clone(),
            ColumnarValue::Array(_) => ScalarValue::Null,
        };
        let mut values: Vec<ScalarValue> = arguments.args.iter().map(constant).collect();
        let mut results = Vec::with_capacity(rows);
        for row in 0..rows {
            for (value, argument) in values.iter_mut().zip(&arguments.args) {
                if let ColumnarValue::Array(array) = argument {
                    *value = ScalarValue::try_from_array(array, row)?;
                }
            }
            results.push(self.one(&values, zone, result_type)?);
        }
        match (all_scalar, results.is_empty()) {
            (true, _) => Ok(ColumnarValue::Scalar(results.swap_remove(0))),
            (false, true) => Ok(ColumnarValue::Array(new_empty_array(result_type))),
            (false, false) => Ok(ColumnarValue::Array(ScalarValue::iter_to_array(results)?)),
        }
    }
}

impl DialectFunction {
    fn one(&self, values: &[ScalarValue], zone: Tz, result_type: &DataType) -> EngineResult<ScalarValue> {
        if values.iter().any(ScalarValue::is_null) {
            return ScalarValue::try_from(result_type);
        }
        let result = (self.definition.body)(&Row { values, zone })?;
        if result.is_null() {
            return ScalarValue::try_from(result_type);
        }
        Ok(result)
    }
}

static FUNCTIONS: LazyLock<Vec<Arc<ScalarUDF>>> = LazyLock::new(|| {
    let definitions = [
        numbers::all(),
        ordered::all(),
        text::all(),
        time_format::all(),
        times::all(),
    ];
    let function = |definition| {
        let signature = Signature::user_defined(Volatility::Stable);
        Arc::new(ScalarUDF::from(DialectFunction { definition, signature }))
    };
    let mut functions: Vec<_> = definitions.into_iter().flatten().map(function).collect();
    functions.push(Arc::new(sleep::pg_sleep()));
    functions
});

/// Makes the functions known to one statement's session. The views are planned without them.
pub fn register(state: &mut SessionState) {
    for function in FUNCTIONS.iter() {
        // Registering a scalar function in a state of our own cannot fail.
        let _ = state.register_udf(Arc::clone(function));
    }
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidParameterValue, message)
}

fn out_of_range(message: &str) -> Error {
    Error::new(ErrorKind::DatetimeFieldOverflow, message)
}

fn text_result(text: String) -> ScalarValue {
    ScalarValue::Utf8(Some(text))
}

fn float_result(number: f64) -> ScalarValue {
    ScalarValue::Float64(Some(number))
}
