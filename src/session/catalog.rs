//! The part of PostgreSQL's catalog that drivers ask for when they connect: which types there are and what they are
//! called. Names of `pg_catalog` are found without their schema, as in PostgreSQL.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int16Array, Int64Array, RecordBatch, StringArray, new_empty_array};
use datafusion::catalog::{MemTable, MemorySchemaProvider, SchemaProvider};
use datafusion::common::ScalarValue;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};
use datafusion::sql::sqlparser::ast::{
    DataType as SqlType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident,
    ObjectName, ObjectNamePart, Statement, visit_expressions_mut, visit_relations_mut,
};

use crate::error::{Error, Result};

/// PostgreSQL's own schema.
pub const CATALOG_SCHEMA: &str = "pg_catalog";

const CATALOG_OID: i64 = 11;
const PUBLIC_OID: i64 = 2200;

/// Base types: oid, oid of the array type, name, length in bytes (-1 where it varies), SQL name. The numbers are
/// PostgreSQL's own and part of its protocol (src/include/catalog/pg_type.dat of PostgreSQL 15).
const TYPES: &[(i64, i64, &str, i16, &str)] = &[
    (16, 1000, "bool", 1, "boolean"),
    (17, 1001, "bytea", -1, "bytea"),
    (19, 1003, "name", 64, "name"),
    (20, 1016, "int8", 8, "bigint"),
    (21, 1005, "int2", 2, "smallint"),
    (23, 1007, "int4", 4, "integer"),
    (25, 1009, "text", -1, "text"),
    (26, 1028, "oid", 4, "oid"),
    (114, 199, "json", -1, "json"),
    (700, 1021, "float4", 4, "real"),
    (701, 1022, "float8", 8, "double precision"),
    (1043, 1015, "varchar", -1, "character varying"),
    (1082, 1182, "date", 4, "date"),
    (1083, 1183, "time", 8, "time without time zone"),
    (1114, 1115, "timestamp", 8, "timestamp without time zone"),
    (1184, 1185, "timestamptz", 8, "timestamp with time zone"),
    (1186, 1187, "interval", 16, "interval"),
    (1700, 1231, "numeric", -1, "numeric"),
    (2249, 2287, "record", -1, "record"),
];

/// `pg_type` and `pg_namespace`.
pub fn schema() -> Result<Arc<dyn SchemaProvider>> {
    let schema = MemorySchemaProvider::new();
    for (name, rows) in [("pg_type", types()?), ("pg_namespace", namespaces()?)] {
        let table = MemTable::try_new(rows.schema(), vec![vec![rows]])?;
        schema.register_table(name.to_string(), Arc::new(table))?;
    }
    Ok(Arc::new(schema))
}

fn types() -> Result<RecordBatch> {
    // Every base type is followed by its array type, whose elements are the base type.
    let rows: Vec<(i64, i64, i64, String, i16)> = TYPES
        .iter()
        .flat_map(|(oid, array, name, length, _)| {
            [
                (*oid, *array, 0, (*name).to_string(), *length),
                (*array, 0, *oid, format!("_{name}"), -1),
            ]
        })
        .collect();
    let number = |read: fn(&(i64, i64, i64, String, i16)) -> i64| -> ArrayRef {
        Arc::new(rows.iter().map(read).collect::<Int64Array>())
    };
    let text = |read: fn(&(i64, i64, i64, String, i16)) -> String| -> ArrayRef {
        Arc::new(rows.iter().map(|row| Some(read(row))).collect::<StringArray>())
    };
    Ok(RecordBatch::try_from_iter([
        ("oid", number(|row| row.0)),
        ("typname", text(|row| row.3.clone())),
        ("typnamespace", number(|_| CATALOG_OID)),
        ("typlen", Arc::new(rows.iter().map(|row| row.4).collect::<Int16Array>())),
        (
            "typtype",
            text(|row| if row.3 == "record" { "p" } else { "b" }.to_string()),
        ),
        ("typdelim", text(|_| ",".to_string())),
        ("typrelid", number(|_| 0)),
        ("typelem", number(|row| row.2)),
        ("typarray", number(|row| row.1)),
        ("typbasetype", number(|_| 0)),
    ])?)
}

fn namespaces() -> Result<RecordBatch> {
    let names: ArrayRef = Arc::new(StringArray::from(vec![CATALOG_SCHEMA, super::PUBLIC_SCHEMA]));
    let oids: ArrayRef = Arc::new(Int64Array::from(vec![CATALOG_OID, PUBLIC_OID]));
    Ok(RecordBatch::try_from_iter([("oid", oids), ("nspname", names)])?)
}

/// Functions over the catalog, and those that a connection pool calls when a connection comes back.
pub fn register(state: &mut SessionState) -> Result<()> {
    use arrow::datatypes::DataType::{Int64, Utf8};
    state.register_udf(value_by_value("to_regtype", Utf8, Int64, |value| match value {
        ScalarValue::Utf8(Some(name)) => ScalarValue::Int64(oid_of(name)),
        _ => ScalarValue::Int64(None),
    }))?;
    state.register_udf(value_by_value("regtype_name", Int64, Utf8, |value| match value {
        ScalarValue::Int64(Some(oid)) => ScalarValue::Utf8(Some(name_of(*oid))),
        _ => ScalarValue::Utf8(None),
    }))?;
    let nothing = ColumnarValue::Scalar(ScalarValue::Utf8(Some(String::new())));
    let unlock = create_udf(
        "pg_advisory_unlock_all",
        vec![],
        Utf8,
        Volatility::Volatile,
        Arc::new(move |_| Ok(nothing.clone())),
    );
    state.register_udf(Arc::new(unlock))?;
    Ok(())
}

fn value_by_value(
    name: &'static str,
    from: arrow::datatypes::DataType,
    to: arrow::datatypes::DataType,
    one: fn(&ScalarValue) -> ScalarValue,
) -> Arc<ScalarUDF> {
    let result = to.clone();
    Arc::new(create_udf(
        name,
        vec![from],
        to,
        Volatility::Stable,
        Arc::new(move |arguments: &[ColumnarValue]| match arguments {
            [ColumnarValue::Scalar(value)] => Ok(ColumnarValue::Scalar(one(value))),
            [ColumnarValue::Array(values)] => {
                let mapped: Result<Vec<ScalarValue>, _> = (0..values.len())
                    .map(|row| ScalarValue::try_from_array(values, row).map(|value| one(&value)))
                    .collect();
                let mapped = mapped?;
                if mapped.is_empty() {
                    return Ok(ColumnarValue::Array(new_empty_array(&result)));
                }
                Ok(ColumnarValue::Array(ScalarValue::iter_to_array(mapped)?))
            }
            _ => Err(Error::internal("one argument was expected").into()),
        }),
    ))
}

/// A type's oid by either of its names, with `[]` for its array.
fn oid_of(name: &str) -> Option<i64> {
    let lower = name.trim().to_lowercase();
    let plain = lower.strip_prefix("pg_catalog.").unwrap_or(&lower);
    let (element, is_array) = match plain.strip_suffix("[]") {
        Some(element) => (element, true),
        None => (plain, false),
    };
    let found = TYPES
        .iter()
        .find(|(_, _, short, _, long)| element == *short || element == *long)?;
    Some(if is_array { found.1 } else { found.0 })
}

/// As `regtype` is shown: the SQL name, or the number where there is no such type.
fn name_of(oid: i64) -> String {
    TYPES
        .iter()
        .find_map(|(base, array, _, _, long)| {
            (*base == oid)
                .then(|| (*long).to_string())
                .or_else(|| (*array == oid).then(|| format!("{long}[]")))
        })
        .unwrap_or_else(|| oid.to_string())
}

/// Names of the catalog as the planner knows them: functions by their last name only, relations with their schema, and
/// a cast to `regtype` as the function that looks the name up.
pub fn with_catalog_names(mut statement: Statement) -> Statement {
    let _: ControlFlow<()> = visit_relations_mut(&mut statement, |name: &mut ObjectName| {
        if let [single] = name.0.as_slice()
            && let Some(word) = single.as_ident()
            && matches!(word.value.to_lowercase().as_str(), "pg_type" | "pg_namespace")
        {
            name.0.insert(0, ObjectNamePart::Identifier(Ident::new(CATALOG_SCHEMA)));
        }
        ControlFlow::Continue(())
    });
    let _: ControlFlow<()> = visit_expressions_mut(&mut statement, |expression: &mut Expr| {
        match expression {
            Expr::Function(call) => {
                if let [schema, function] = call.name.0.as_slice()
                    && schema
                        .as_ident()
                        .is_some_and(|name| name.value.eq_ignore_ascii_case(CATALOG_SCHEMA))
                {
                    call.name.0 = vec![function.clone()];
                }
            }
            Expr::Cast {
                expr,
                data_type: SqlType::Custom(name, _),
                ..
            } if name.to_string().eq_ignore_ascii_case("regtype") => {
                *expression = call("regtype_name", expr.as_ref().clone());
            }
            _ => {}
        }
        ControlFlow::Continue(())
    });
    statement
}

fn call(function: &str, argument: Expr) -> Expr {
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(function)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))],
            clauses: vec![],
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_found_by_either_name() {
        assert_eq!(oid_of("int8"), Some(20));
        assert_eq!(oid_of("Double Precision"), Some(701));
        assert_eq!(oid_of("text[]"), Some(1009));
        assert_eq!(oid_of("hstore"), None);
        assert_eq!(name_of(1185), "timestamp with time zone[]");
        assert_eq!(name_of(999_999), "999999");
    }
}
