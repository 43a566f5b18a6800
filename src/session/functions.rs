//! Functions and SHOW: what a session says of itself and of the server, under PostgreSQL's names.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{
    ColumnarValue, ScalarUDF, Signature, SimpleScalarUDF, TypeSignature, Volatility, create_udf,
};

use super::settings::{POSTGRES_VERSION, Settings};
use super::{DATABASE, PUBLIC_SCHEMA};
use crate::error::{Error, ErrorKind, Result};

/// Functions that are the same for every session.
pub fn register(state: &mut SessionState) -> Result<()> {
    mission_control_udfs::register_all(state)?;
    super::large_values::register(state)?;
    let version = format!(
        "PostgreSQL {POSTGRES_VERSION} (Mission Control SQL {})",
        env!("CARGO_PKG_VERSION")
    );
    for (name, value) in [
        ("version", version.as_str()),
        ("current_database", DATABASE),
        ("current_catalog", DATABASE),
        ("current_schema", PUBLIC_SCHEMA),
    ] {
        state.register_udf(text_constant(name, value))?;
    }
    Ok(())
}

/// Functions that name the user.
const USER_FUNCTIONS: [&str; 4] = ["current_user", "session_user", "current_role", "user"];

/// The names of the functions whose answer is the session's own; all give text.
pub fn of_session() -> impl Iterator<Item = &'static str> {
    USER_FUNCTIONS.into_iter().chain(["current_setting", "set_config"])
}

/// Functions whose answer is the session's own.
pub fn register_for_session(state: &mut SessionState, user: &str, settings: &Settings, requested: &RequestedSettings) {
    for name in USER_FUNCTIONS {
        // Registering a scalar function in a state of our own cannot fail.
        let _ = state.register_udf(text_constant(name, user));
    }
    let _ = state.register_udf(current_setting(settings.clone()));
    let _ = state.register_udf(set_config(settings.clone(), Arc::clone(requested)));
}

fn text_constant(name: &'static str, value: &str) -> Arc<ScalarUDF> {
    let value = value.to_string();
    Arc::new(create_udf(
        name,
        vec![],
        DataType::Utf8,
        Volatility::Stable,
        Arc::new(move |_| Ok(ColumnarValue::Scalar(ScalarValue::Utf8(Some(value.clone()))))),
    ))
}

/// `current_setting(name [, missing_ok])`.
fn current_setting(settings: Settings) -> Arc<ScalarUDF> {
    let one_or_two = Signature::one_of(
        vec![
            TypeSignature::Exact(vec![DataType::Utf8]),
            TypeSignature::Exact(vec![DataType::Utf8, DataType::Boolean]),
        ],
        Volatility::Stable,
    );
    let show = move |arguments: &[ColumnarValue]| {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let names = arrays[0].as_string::<i32>();
        let missing_ok = arrays.get(1).map(|array| array.as_boolean());
        let shown = |(row, name): (usize, Option<&str>)| {
            let may_miss = missing_ok.is_some_and(|array| array.is_valid(row) && array.value(row));
            match name.map(|name| settings.show(name)) {
                None => Ok(None),
                Some(Err(_)) if may_miss => Ok(None),
                Some(shown) => shown.map(Some),
            }
        };
        let values: Result<StringArray> = names.iter().enumerate().map(shown).collect();
        Ok(ColumnarValue::Array(Arc::new(values?)))
    };
    Arc::new(ScalarUDF::from(SimpleScalarUDF::new_with_signature(
        "current_setting",
        one_or_two,
        DataType::Utf8,
        Arc::new(show),
    )))
}

/// A change of a setting that a query asked for.
#[derive(Debug, Clone)]
pub struct RequestedSetting {
    pub name: String,
    pub value: String,
    pub local: bool,
}

/// What `set_config` was called with; the connection puts it into force when the query has ended.
pub type RequestedSettings = Arc<Mutex<Vec<RequestedSetting>>>;

/// `set_config(name, value, is_local)` gives the new value.
fn set_config(settings: Settings, requested: RequestedSettings) -> Arc<ScalarUDF> {
    let set = move |arguments: &[ColumnarValue]| {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let (names, values, local) = (
            arrays[0].as_string::<i32>(),
            arrays[1].as_string::<i32>(),
            arrays[2].as_boolean(),
        );
        let mut present = settings.clone();
        let mut shown = Vec::with_capacity(names.len());
        for row in 0..names.len() {
            if names.is_null(row) {
                return Err(Error::new(ErrorKind::InvalidParameterValue, "SET requires parameter name").into());
            }
            let name = names.value(row);
            let value = values.is_valid(row).then(|| values.value(row));
            present.set(name, value)?;
            let value = present.show(name)?.to_string();
            requested
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(RequestedSetting {
                    name: name.to_string(),
                    value: value.clone(),
                    local: local.is_valid(row) && local.value(row),
                });
            shown.push(Some(value));
        }
        Ok(ColumnarValue::Array(Arc::new(StringArray::from(shown))))
    };
    Arc::new(create_udf(
        "set_config",
        vec![DataType::Utf8, DataType::Utf8, DataType::Boolean],
        DataType::Utf8,
        Volatility::Volatile,
        Arc::new(set),
    ))
}

/// The columns of SHOW: one named after the setting, three for SHOW ALL.
pub fn show_schema(name: &str) -> Result<SchemaRef> {
    let names = if name == "all" {
        vec!["name", "setting", "description"]
    } else {
        vec![Settings::canonical_name(name)?]
    };
    let fields: Vec<Field> = names
        .into_iter()
        .map(|name| Field::new(name, DataType::Utf8, true))
        .collect();
    Ok(Arc::new(Schema::new(fields)))
}

/// The rows of SHOW.
pub fn show(settings: &Settings, name: &str) -> Result<RecordBatch> {
    let schema = show_schema(name)?;
    let columns: Vec<ArrayRef> = if name == "all" {
        let all: Vec<_> = settings.all().collect();
        vec![
            Arc::new(all.iter().map(|(name, _, _)| Some(*name)).collect::<StringArray>()),
            Arc::new(all.iter().map(|(_, value, _)| Some(*value)).collect::<StringArray>()),
            Arc::new(
                all.iter()
                    .map(|(_, _, description)| Some(*description))
                    .collect::<StringArray>(),
            ),
        ]
    } else {
        vec![Arc::new(StringArray::from(vec![settings.show(name)?]))]
    };
    Ok(RecordBatch::try_new(schema, columns)?)
}
