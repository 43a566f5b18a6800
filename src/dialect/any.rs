//! `value = ANY (array)` and `value <> ALL (array)`, with every comparison and PostgreSQL's three truths.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::cast;
use arrow::compute::kernels::cmp;
use arrow::datatypes::DataType;
use datafusion::common::{Result as EngineResult, ScalarValue};
use datafusion::logical_expr::type_coercion::binary::comparison_coercion;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use super::array_text::parse_array;
use crate::error::{Error, ErrorKind};

/// `any_of(operator, value, array)`: whether the comparison holds for one of the elements.
pub fn any_of() -> ScalarUDF {
    ScalarUDF::from(Quantified::new("any_of", true))
}

/// `all_of(operator, value, array)`: whether it holds for all.
pub fn all_of() -> ScalarUDF {
    ScalarUDF::from(Quantified::new("all_of", false))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Quantified {
    name: &'static str,
    /// The truth that decides as soon as one element has it.
    decisive: bool,
    signature: Signature,
}

impl Quantified {
    fn new(name: &'static str, decisive: bool) -> Self {
        Self {
            name,
            decisive,
            signature: Signature::any(3, Volatility::Immutable),
        }
    }

    fn one(&self, operator: &str, value: &ScalarValue, elements: &ArrayRef) -> EngineResult<Option<bool>> {
        let element_type = elements.data_type();
        let common = match comparison_coercion(&value.data_type(), element_type) {
            // A text beside numbers is a literal of no type: it takes the numbers' type.
            Some(_) if is_text(&value.data_type()) && !is_text(element_type) => element_type.clone(),
            Some(_) if is_text(element_type) && !is_text(&value.data_type()) => value.data_type(),
            Some(common) => common,
            None if value.is_null() || elements.is_empty() => element_type.clone(),
            None => {
                return Err(Error::new(
                    ErrorKind::UndefinedFunction,
                    format!(
                        "operator does not exist: {} {operator} {element_type}",
                        value.data_type()
                    ),
                )
                .into());
            }
        };
        let elements = cast(elements, &common)?;
        let value = value.cast_to(&common)?.to_scalar()?;
        let truths = match operator {
            "=" => cmp::eq(&elements, &value),
            "<>" | "!=" => cmp::neq(&elements, &value),
            "<" => cmp::gt(&elements, &value),
            "<=" => cmp::gt_eq(&elements, &value),
            ">" => cmp::lt(&elements, &value),
            ">=" => cmp::lt_eq(&elements, &value),
            other => return Err(Error::not_supported(format!("{other} with any or all of an array")).into()),
        }?;
        if truths.iter().any(|truth| truth == Some(self.decisive)) {
            return Ok(Some(self.decisive));
        }
        Ok((truths.null_count() == 0).then_some(!self.decisive))
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

impl ScalarUDFImpl for Quantified {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> EngineResult<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> EngineResult<ColumnarValue> {
        let rows = arguments.number_rows;
        let arrays: EngineResult<Vec<ArrayRef>> = arguments.args.iter().map(|one| one.to_array(rows)).collect();
        let arrays = arrays?;
        let [operators, values, lists] = arrays.as_slice() else {
            return Err(Error::internal("an operator, a value and an array were expected").into());
        };
        let mut truths = Vec::with_capacity(rows);
        for row in 0..rows {
            let operator = ScalarValue::try_from_array(operators, row)?.to_string();
            let value = ScalarValue::try_from_array(values, row)?;
            let elements = elements_of(lists, row, &value.data_type())?;
            truths.push(match elements {
                Some(elements) => self.one(&operator, &value, &elements)?,
                None => None,
            });
        }
        Ok(ColumnarValue::Array(Arc::new(BooleanArray::from(truths))))
    }
}

/// A row's array; a text is an array's literal with elements of the value's type.
fn elements_of(lists: &ArrayRef, row: usize, element: &DataType) -> EngineResult<Option<ArrayRef>> {
    if lists.is_null(row) {
        return Ok(None);
    }
    match lists.data_type() {
        DataType::List(_) => Ok(Some(lists.as_list::<i32>().value(row))),
        other if is_text(other) => {
            let text = ScalarValue::try_from_array(lists, row)?.to_string();
            let ScalarValue::List(parsed) = parse_array(&text, element)? else {
                return Err(Error::internal("an array was expected").into());
            };
            Ok(Some(parsed.value(0)))
        }
        DataType::Null => Ok(None),
        DataType::LargeList(item) | DataType::FixedSizeList(item, _) | DataType::ListView(item) => {
            let list = cast(lists, &DataType::List(Arc::clone(item)))?;
            Ok(Some(list.as_list::<i32>().value(row)))
        }
        _ => Err(Error::new(
            ErrorKind::DatatypeMismatch,
            "op any/all (array) requires array on right side",
        )
        .into()),
    }
}
