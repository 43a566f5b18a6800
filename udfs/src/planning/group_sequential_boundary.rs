//! `group_sequential_boundary(info_fractions, alpha, spending)`: when to stop at planned looks.

use crate::FunctionError;
use crate::arguments::{self, Kind, Parameter, choice_position};
use crate::statistics::group_sequential::group_sequential_boundary;
use crate::statistics::method::SpendingFunction;
use arrow::array::{Array, AsArray, Float64Builder, ListArray, ListBuilder};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue, utils::take_function_args};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature,
};
use datafusion_macros::user_doc;
use std::sync::Arc;

const SPENDING: Parameter = Parameter::required_choice("spending", SpendingFunction::NAMES);
const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "info_fractions",
        kind: Kind::Numbers,
        default: None,
    },
    Parameter::number("alpha"),
    SPENDING,
];

#[user_doc(
    doc_section(label = "Anytime-valid evidence"),
    description = "One-sided boundaries for the z statistic at planned looks, such as after 24 hours, 48 hours, 7 and 14 \
days, as an array of doubles: the error alpha is spent over the looks (Lan and DeMets 1983) and the boundaries follow by \
recursive integration. Between planned looks use `rate_ratio_eprocess`. NULL where an argument or a fraction is NULL. \
Errors: fractions that do not increase within (0, 1], more than 50 of them, an alpha outside (0, 1), an unknown spending.",
    syntax_example = "group_sequential_boundary(info_fractions, alpha, spending)",
    sql_example = r#"```sql
> SELECT round(b[1], 4) AS first, round(b[2], 4) AS second FROM (SELECT group_sequential_boundary(ARRAY[0.5, 1.0], 0.025, 'obf') AS b) AS t;
+--------+--------+
| first  | second |
+--------+--------+
| 2.9626 | 1.9686 |
+--------+--------+
```"#,
    argument(
        name = "info_fractions",
        description = "Share of the planned information at each look, increasing to at most 1."
    ),
    argument(
        name = "alpha",
        description = "One-sided probability of a false alarm over all looks."
    ),
    argument(
        name = "spending",
        description = "`'obf'` (like O'Brien and Fleming: little at first) or `'pocock'` (nearly evenly)."
    )
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct GroupSequentialBoundary {
    name: &'static str,
    /// Whether a refused row gives NULL: the `try_` twin.
    is_twin: bool,
    signature: Signature,
}

impl GroupSequentialBoundary {
    pub fn new() -> Self {
        let signature = arguments::signature(PARAMETERS);
        Self {
            name: "group_sequential_boundary",
            is_twin: false,
            signature,
        }
    }

    pub fn twin() -> Self {
        Self {
            name: "try_group_sequential_boundary",
            is_twin: true,
            ..Self::new()
        }
    }
}

impl ScalarUDFImpl for GroupSequentialBoundary {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        arguments::coerce(self.name, PARAMETERS, given)
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(arguments::numbers_type())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        arguments::check_literal_choices(PARAMETERS, args.scalar_arguments)?;
        Ok(Arc::new(Field::new(self.name, arguments::numbers_type(), true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = args
            .args
            .iter()
            .all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let rows = if is_constant { 1 } else { args.number_rows };
        let [fractions, alpha, spending] = take_function_args(self.name, args.args)?;
        let (fractions, alpha, spending) = (
            fractions.to_array(rows)?,
            alpha.to_array(rows)?,
            spending.to_array(rows)?,
        );
        let (fractions, alpha) = (fractions.as_list::<i32>(), alpha.as_primitive::<Float64Type>());
        let spending = spending.as_string::<i32>();
        let mut boundaries = ListBuilder::new(Float64Builder::new());
        for row in 0..rows {
            let is_null = fractions.is_null(row) || alpha.is_null(row) || spending.is_null(row);
            let result = match fractions_at(fractions, row).filter(|_| !is_null) {
                Some(fractions) => boundary(&fractions, alpha.value(row), spending.value(row)).map(Some),
                None => Ok(None),
            };
            match result {
                Ok(Some(result)) => {
                    boundaries.values().append_slice(&result);
                    boundaries.append(true);
                }
                Err(error) if !self.is_twin => return Err(error.into()),
                _ => boundaries.append(false),
            }
        }
        let boundaries = boundaries.finish();
        if is_constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&boundaries, 0)?));
        }
        Ok(ColumnarValue::Array(Arc::new(boundaries)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// The fractions of a row; `None` where one of them is NULL.
fn fractions_at(fractions: &ListArray, row: usize) -> Option<Vec<f64>> {
    let fractions = fractions.value(row);
    let fractions = fractions.as_primitive::<Float64Type>();
    (fractions.null_count() == 0).then(|| fractions.values().to_vec())
}

fn boundary(fractions: &[f64], alpha: f64, spending: &str) -> std::result::Result<Vec<f64>, FunctionError> {
    choice_position(&SPENDING, SpendingFunction::NAMES, spending)?;
    Ok(group_sequential_boundary(fractions, alpha, spending.parse()?)?)
}
