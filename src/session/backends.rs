//! `pg_backend_pid`, `pg_cancel_backend` and `pg_terminate_backend`: what one session may do to others.

use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};

use super::activity::{Connected, Sessions};
use super::sessions_table::Viewer;
use crate::error::{Error, ErrorKind};

/// Makes the functions known to a session that `viewer` uses.
pub fn register(state: &mut SessionState, sessions: &Arc<Sessions>, viewer: &Viewer, pid: i32) {
    let functions = [
        signal("pg_cancel_backend", sessions, viewer, Connected::cancel),
        signal("pg_terminate_backend", sessions, viewer, Connected::terminate),
        own_pid(pid),
    ];
    for function in functions {
        // Registering a scalar function in a state of our own cannot fail.
        let _ = state.register_udf(function);
    }
}

fn own_pid(pid: i32) -> Arc<ScalarUDF> {
    Arc::new(create_udf(
        "pg_backend_pid",
        vec![],
        DataType::Int32,
        Volatility::Stable,
        Arc::new(move |_| Ok(ColumnarValue::Scalar(ScalarValue::Int32(Some(pid))))),
    ))
}

fn signal(name: &'static str, sessions: &Arc<Sessions>, viewer: &Viewer, send: fn(&Connected)) -> Arc<ScalarUDF> {
    let (sessions, viewer) = (Arc::clone(sessions), viewer.clone());
    let send_to = move |pid: i64| -> Result<bool> {
        let Some(target) = i32::try_from(pid).ok().and_then(|pid| sessions.find(pid)) else {
            return Ok(false);
        };
        if !viewer.sees_all && target.client.user != viewer.user {
            let doing = if name == "pg_cancel_backend" {
                "query is being canceled"
            } else {
                "process is being terminated"
            };
            let message = format!("must be a member of the role whose {doing} or member of pg_signal_backend");
            return Err(Error::new(ErrorKind::InsufficientPrivilege, message).into());
        }
        send(&target);
        Ok(true)
    };
    Arc::new(create_udf(
        name,
        vec![DataType::Int64],
        DataType::Boolean,
        Volatility::Volatile,
        Arc::new(move |arguments| {
            let arrays = ColumnarValue::values_to_arrays(arguments)?;
            let pids = arrays[0].as_primitive::<Int64Type>();
            let sent: Result<BooleanArray> = pids.iter().map(|pid| pid.map(&send_to).transpose()).collect();
            Ok(ColumnarValue::Array(Arc::new(sent?)))
        }),
    ))
}
