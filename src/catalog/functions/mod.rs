//! PostgreSQL's functions over its catalog. Each looks at one row's arguments and the catalog, and gives one value.

mod describe;
mod identifiers;
mod lookup;
mod privileges;
mod server;
mod templates;
mod text;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::new_empty_array;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::live::{Catalog, SessionFacts};
use super::reg::{RegKind, TYPE_KEY};
use crate::error::Result;

/// What a function may look at besides its arguments.
#[derive(Debug)]
pub struct Context {
    pub catalog: Arc<Catalog>,
    pub session: Arc<SessionFacts>,
}

/// The arguments of one row.
pub struct Arguments<'a> {
    values: &'a [ScalarValue],
    fields: &'a [FieldRef],
}

impl Arguments<'_> {
    pub fn count(&self) -> usize {
        self.values.len()
    }

    pub fn is_null(&self, index: usize) -> bool {
        self.values.get(index).is_none_or(ScalarValue::is_null)
    }

    pub fn value(&self, index: usize) -> Option<&ScalarValue> {
        self.values.get(index)
    }

    pub fn field(&self, index: usize) -> Option<&FieldRef> {
        self.fields.get(index)
    }

    /// A number, also one written as a literal of no type, as in `format_type('25', -1)`.
    pub fn number(&self, index: usize) -> Option<i64> {
        match self.values.get(index)?.cast_to(&DataType::Int64).ok()? {
            ScalarValue::Int64(number) => number,
            _ => None,
        }
    }

    pub fn text(&self, index: usize) -> Option<String> {
        match self.values.get(index)?.cast_to(&DataType::Utf8).ok()? {
            ScalarValue::Utf8(text) => text,
            _ => None,
        }
    }

    pub fn is_text(&self, index: usize) -> bool {
        self.values.get(index).is_some_and(|value| {
            matches!(
                value.data_type(),
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
            )
        })
    }

    /// What is named by a number or by a name of this kind.
    pub fn object(&self, index: usize, kind: RegKind, catalog: &Catalog) -> Result<Option<i64>> {
        if self.is_text(index) {
            return self.text(index).map(|name| kind.require(&name, catalog)).transpose();
        }
        Ok(self.number(index))
    }
}

type Body = fn(&Arguments<'_>, &Context) -> Result<ScalarValue>;

/// How a function is defined.
pub struct Definition {
    pub name: &'static str,
    pub result: DataType,
    /// The result's PostgreSQL type where Arrow's does not say it.
    pub result_kind: Option<RegKind>,
    /// Whether a NULL argument makes the result NULL without a look.
    pub strict: bool,
    pub body: Body,
}

/// A function that gives NULL for a NULL.
pub fn strict(name: &'static str, result: DataType, body: Body) -> Definition {
    Definition {
        name,
        result,
        result_kind: None,
        strict: true,
        body,
    }
}

/// A function that looks at NULL arguments too.
pub fn lenient(name: &'static str, result: DataType, body: Body) -> Definition {
    Definition {
        strict: false,
        ..strict(name, result, body)
    }
}

/// A text, or NULL.
pub fn text(value: Option<String>) -> ScalarValue {
    ScalarValue::Utf8(value)
}

pub fn number(value: Option<i64>) -> ScalarValue {
    ScalarValue::Int64(value)
}

pub fn truth(value: bool) -> ScalarValue {
    ScalarValue::Boolean(Some(value))
}

struct CatalogFunction {
    definition: Definition,
    signature: Signature,
    context: Arc<Context>,
}

impl fmt::Debug for CatalogFunction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.definition.name)
    }
}

impl PartialEq for CatalogFunction {
    fn eq(&self, other: &Self) -> bool {
        self.definition.name == other.definition.name && Arc::ptr_eq(&self.context, &other.context)
    }
}

impl Eq for CatalogFunction {}

impl Hash for CatalogFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.definition.name.hash(state);
    }
}

impl ScalarUDFImpl for CatalogFunction {
    fn name(&self) -> &str {
        self.definition.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> datafusion::common::Result<DataType> {
        Ok(self.definition.result.clone())
    }

    fn return_field_from_args(&self, _arguments: ReturnFieldArgs<'_>) -> datafusion::common::Result<FieldRef> {
        let field = Field::new(self.name(), self.definition.result.clone(), true);
        Ok(Arc::new(match self.definition.result_kind {
            Some(kind) => field.with_metadata([(TYPE_KEY.to_string(), kind.type_name().to_string())].into()),
            None => field,
        }))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> datafusion::common::Result<ColumnarValue> {
        let all_scalar = arguments
            .args
            .iter()
            .all(|value| matches!(value, ColumnarValue::Scalar(_)));
        if all_scalar {
            let values: Vec<ScalarValue> = arguments
                .args
                .iter()
                .filter_map(|value| match value {
                    ColumnarValue::Scalar(scalar) => Some(scalar.clone()),
                    ColumnarValue::Array(_) => None,
                })
                .collect();
            return Ok(ColumnarValue::Scalar(self.one(&values, &arguments.arg_fields)?));
        }
        let arrays: datafusion::common::Result<Vec<_>> = arguments
            .args
            .iter()
            .map(|value| value.to_array(arguments.number_rows))
            .collect();
        let arrays = arrays?;
        let mut results = Vec::with_capacity(arguments.number_rows);
        for row in 0..arguments.number_rows {
            let values: datafusion::common::Result<Vec<ScalarValue>> = arrays
                .iter()
                .map(|array| ScalarValue::try_from_array(array, row))
                .collect();
            results.push(self.one(&values?, &arguments.arg_fields)?);
        }
        if results.is_empty() {
            return Ok(ColumnarValue::Array(new_empty_array(&self.definition.result)));
        }
        Ok(ColumnarValue::Array(ScalarValue::iter_to_array(results)?))
    }
}

impl CatalogFunction {
    fn one(&self, values: &[ScalarValue], fields: &[FieldRef]) -> datafusion::common::Result<ScalarValue> {
        if self.definition.strict && values.iter().any(ScalarValue::is_null) {
            return ScalarValue::try_from(&self.definition.result);
        }
        Ok((self.definition.body)(&Arguments { values, fields }, &self.context)?)
    }
}

fn definitions() -> Vec<Definition> {
    [
        describe::all(),
        identifiers::all(),
        lookup::all(),
        privileges::all(),
        server::all(),
        templates::all(),
        text::all(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Makes the catalog's functions known to one statement's session.
pub fn register(state: &mut SessionState, catalog: &Arc<Catalog>, session: &Arc<SessionFacts>) {
    let context = Arc::new(Context {
        catalog: Arc::clone(catalog),
        session: Arc::clone(session),
    });
    for definition in definitions() {
        let function = CatalogFunction {
            definition,
            signature: Signature::one_of(
                vec![
                    datafusion::logical_expr::TypeSignature::Nullary,
                    datafusion::logical_expr::TypeSignature::VariadicAny,
                ],
                Volatility::Stable,
            ),
            context: Arc::clone(&context),
        };
        // Registering a scalar function in a state of our own cannot fail.
        let _ = state.register_udf(Arc::new(ScalarUDF::from(function)));
    }
}

/// The names of all functions here, for the list of functions.
pub fn names() -> Vec<(&'static str, DataType)> {
    definitions()
        .into_iter()
        .map(|definition| (definition.name, definition.result))
        .collect()
}
