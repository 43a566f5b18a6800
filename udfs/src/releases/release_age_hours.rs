//! `release_age_hours(window_start, release_at)`: how old a release was when a window began.

use crate::arguments::{self, Kind, Parameter};
use arrow::array::{AsArray, Float64Array};
use arrow::compute::binary;
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use datafusion::common::{Result, ScalarValue, utils::take_function_args};
use datafusion::logical_expr::{ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature};
use datafusion_macros::user_doc;
use std::sync::Arc;

const NAME: &str = "release_age_hours";
const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "window_start",

        kind: Kind::Time,
        default: None,
    },
    Parameter {
        name: "release_at",

        kind: Kind::Time,
        default: None,
    },
];
const MICROS_PER_HOUR: f64 = 3_600_000_000.0;

#[user_doc(
    doc_section(label = "Releases"),
    description = "Hours from a release to the start of a window, as a double; negative for windows before the release. \
NULL where an argument is NULL. Timestamps of any unit and time zone and dates are accepted; those without a time zone \
are taken as UTC.",
    syntax_example = "release_age_hours(window_start, release_at)",
    sql_example = r#"```sql
> SELECT release_age_hours(TIMESTAMP '2018-03-14 14:30:00', TIMESTAMP '2018-03-13 14:00:00') AS age_hours;
+-----------+
| age_hours |
+-----------+
| 24.5      |
+-----------+
```"#,
    argument(name = "window_start", description = "Start of the window."),
    argument(name = "release_at", description = "Time of the release.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct ReleaseAgeHours {
    signature: Signature,
}

impl ReleaseAgeHours {
    pub fn new() -> Self {
        Self {
            signature: arguments::signature(PARAMETERS),
        }
    }
}

impl ScalarUDFImpl for ReleaseAgeHours {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        arguments::coerce(NAME, PARAMETERS, given)
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [window_start, release_at] = take_function_args(NAME, args.args)?;
        let is_constant = matches!(
            (&window_start, &release_at),
            (ColumnarValue::Scalar(_), ColumnarValue::Scalar(_))
        );
        let rows = if is_constant { 1 } else { args.number_rows };
        let (window_start, release_at) = (window_start.to_array(rows)?, release_at.to_array(rows)?);
        let ages: Float64Array = binary(
            window_start.as_primitive::<TimestampMicrosecondType>(),
            release_at.as_primitive::<TimestampMicrosecondType>(),
            age_hours,
        )?;
        if is_constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&ages, 0)?));
        }
        Ok(ColumnarValue::Array(Arc::new(ages)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

fn age_hours(window_start_micros: i64, release_at_micros: i64) -> f64 {
    (i128::from(window_start_micros) - i128::from(release_at_micros)) as f64 / MICROS_PER_HOUR
}
