//! Functions and SHOW: what a session says of itself and of the server, under PostgreSQL's names.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};

use super::settings::{POSTGRES_VERSION, Settings};
use super::{DATABASE, PUBLIC_SCHEMA};
use crate::error::{Error, Result};

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
    USER_FUNCTIONS.into_iter().chain(["current_setting"])
}

/// Functions whose answer is the session's own.
pub fn register_for_session(state: &mut SessionState, user: &str, settings: &Settings) {
    for name in USER_FUNCTIONS {
        // Registering a scalar function in a state of our own cannot fail.
        let _ = state.register_udf(text_constant(name, user));
    }
    let _ = state.register_udf(current_setting(settings.clone()));
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

fn current_setting(settings: Settings) -> Arc<ScalarUDF> {
    Arc::new(create_udf(
        "current_setting",
        vec![DataType::Utf8],
        DataType::Utf8,
        Volatility::Stable,
        Arc::new(move |arguments| {
            let names = ColumnarValue::values_to_arrays(arguments)?;
            let names = names[0].as_any().downcast_ref::<StringArray>();
            let names = names.ok_or_else(|| Error::internal("current_setting takes text"))?;
            let values: Result<StringArray> = names
                .iter()
                .map(|name| name.map(|name| settings.show(name)).transpose())
                .collect();
            Ok(ColumnarValue::Array(Arc::new(values?)))
        }),
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
