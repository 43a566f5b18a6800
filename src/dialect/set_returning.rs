//! Functions that give several rows, in FROM and in the SELECT list: as arrays that are unnested. In FROM they see the
//! tables before them, as in PostgreSQL.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, ListArray, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::Result as EngineResult;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use datafusion::sql::sqlparser::ast::{
    AccessExpr, DataType as SqlType, Expr, Ident, Interval, ObjectName, Statement, TableAlias, TableAliasColumnDef,
    TableFactor, Value,
};

use super::calls::{call, catalog_name, plain, plain_arguments, whole};
use crate::catalog::{Keyword, keywords};
use crate::error::Error;

/// The engine's series as an array, under a name that tells it from a series of rows.
const SERIES_ARRAY: &str = "series_array";

/// The function of that name.
pub fn series_array() -> ScalarUDF {
    let series = datafusion::functions_nested::range::gen_series_udf();
    series.as_ref().clone().with_aliases([SERIES_ARRAY])
}

/// The columns of a set-returning function: an expression that gives the rows, and its name.
fn columns(function: &str, arguments: &[Expr]) -> Option<Vec<(Expr, String)>> {
    let unnest = |array: Expr| call("unnest", vec![array]);
    let named = |expression: Expr| vec![(expression, function.to_string())];
    Some(match (function, arguments) {
        ("unnest", [_, ..]) => arguments
            .iter()
            .map(|array| (unnest(array.clone()), function.to_string()))
            .collect(),
        ("generate_series", [_, _] | [_, _, _]) => named(unnest(call(SERIES_ARRAY, with_step(arguments)))),
        ("string_to_table", [_, _, ..]) => named(unnest(call("string_to_array", arguments.to_vec()))),
        ("regexp_split_to_table", [_, _, ..]) => named(unnest(call("regexp_split_to_array", arguments.to_vec()))),
        ("generate_subscripts", [array, ..]) => named(unnest(subscripts(array))),
        ("_pg_expandarray", [array]) => vec![
            (unnest(array.clone()), "x".to_string()),
            (unnest(subscripts(array)), "n".to_string()),
        ],
        _ => return None,
    })
}

/// A function of one value gives one row with it.
fn one_value(function: &str, arguments: Vec<Expr>) -> Option<Vec<(Expr, String)>> {
    let engines_own = ["generate_series", "range"].contains(&function);
    (!engines_own).then(|| vec![(call(function, arguments), function.to_string())])
}

/// A step written as a text is an interval.
fn with_step(arguments: &[Expr]) -> Vec<Expr> {
    let mut arguments = arguments.to_vec();
    if let Some(step @ Expr::Value(_)) = arguments.get_mut(2)
        && matches!(step, Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_)))
    {
        *step = Expr::Interval(Interval {
            value: Box::new(step.clone()),
            leading_field: None,
            leading_precision: None,
            last_field: None,
            fractional_seconds_precision: None,
        });
    }
    arguments
}

fn subscripts(array: &Expr) -> Expr {
    call(SERIES_ARRAY, vec![whole(1), call("cardinality", vec![array.clone()])])
}

/// Functions whose rows do not depend on the data. Most say what nothing here has: options of objects and lists of
/// privileges.
fn fixed_rows(function: &str) -> Option<String> {
    let empty = match function {
        "pg_options_to_table" => "SELECT NULL::text AS option_name, NULL::text AS option_value WHERE false",
        "aclexplode" => {
            "SELECT NULL::bigint AS grantor, NULL::bigint AS grantee, NULL::text AS privilege_type, \
             NULL::boolean AS is_grantable WHERE false"
        }
        "pg_get_publication_tables" => "SELECT NULL::bigint AS relid WHERE false",
        "pg_show_all_settings" => "SELECT * FROM pg_catalog.pg_settings",
        "pg_get_keywords" => return Some(keyword_rows()),
        _ => return None,
    };
    Some(empty.to_string())
}

fn keyword_rows() -> String {
    let row = |keyword: Keyword| {
        format!(
            "('{}', '{}', {}, '{}', '{}')",
            keyword.word,
            keyword.category,
            keyword.is_bare_label,
            keyword.category_description(),
            keyword.label_description()
        )
    };
    let rows: Vec<String> = keywords().map(row).collect();
    format!(
        "SELECT column1 AS word, column2 AS catcode, column3 AS barelabel, column4 AS catdesc, column5 AS baredesc \
         FROM (VALUES {}) AS keywords",
        rows.join(", ")
    )
}

/// A function in FROM becomes a subquery that sees what stands before it.
pub fn in_from(factor: &mut TableFactor) {
    let (function, arguments, ordinality, alias) = match factor {
        TableFactor::Table {
            name,
            alias,
            args: Some(arguments),
            with_ordinality,
            ..
        } => (
            catalog_name(name),
            plain(&arguments.args),
            *with_ordinality,
            alias.clone(),
        ),
        TableFactor::Function {
            name,
            args,
            with_ordinality,
            alias,
            ..
        } => (catalog_name(name), plain(args), *with_ordinality, alias.clone()),
        TableFactor::UNNEST {
            alias,
            array_exprs,
            with_offset: false,
            with_ordinality,
            ..
        } => (
            Some("unnest".to_string()),
            Some(array_exprs.clone()),
            *with_ordinality,
            alias.clone(),
        ),
        _ => return,
    };
    let (Some(function), Some(arguments)) = (function, arguments) else {
        return;
    };
    if let Some(query) = fixed_rows(&function) {
        return replace(factor, &query, alias, &function, &[]);
    }
    if function == "generate_series" && !ordinality && arguments.iter().all(is_written_out) {
        return name_series(factor, alias);
    }
    let Some(mut columns) = columns(&function, &arguments).or_else(|| one_value(&function, arguments)) else {
        return;
    };
    if ordinality && let Some(array) = array_behind(&columns[0].0) {
        let positions = call("unnest", vec![subscripts(&array)]);
        columns.push((positions, "ordinality".to_string()));
    }
    let names: Vec<String> = columns.iter().map(|(_, name)| name.clone()).collect();
    let items: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(index, (expression, _))| format!("{expression} AS \"column {index}\""))
        .collect();
    replace(
        factor,
        &format!("SELECT {}", items.join(", ")),
        alias,
        &function,
        &names,
    );
}

/// The array in `unnest(array)`.
fn array_behind(unnested: &Expr) -> Option<Expr> {
    match unnested {
        Expr::Function(function) => plain_arguments(&function.args)?.pop(),
        _ => None,
    }
}

/// The engine's own series never lies in memory as a whole; it only needs PostgreSQL's names.
fn name_series(factor: &mut TableFactor, alias: Option<TableAlias>) {
    let alias = Some(with_columns(alias, "generate_series", &["generate_series".to_string()]));
    match factor {
        TableFactor::Table { alias: own, name, .. } | TableFactor::Function { alias: own, name, .. } => {
            *own = alias;
            *name = ObjectName::from(vec![Ident::new("generate_series")]);
        }
        _ => {}
    }
}

/// An alias that names the columns too. A function of one column gives its alias to the column.
fn with_columns(alias: Option<TableAlias>, function: &str, names: &[String]) -> TableAlias {
    let mut alias = alias.unwrap_or_else(|| TableAlias {
        explicit: true,
        name: Ident::with_quote('"', function),
        columns: vec![],
        at: None,
    });
    let given = alias.columns.len();
    let only = names.len() - usize::from(names.last().is_some_and(|last| last == "ordinality")) == 1;
    for (index, name) in names.iter().enumerate().skip(given) {
        let shown = if only && index == 0 && name == function {
            alias.name.clone()
        } else {
            Ident::with_quote('"', name)
        };
        alias.columns.push(TableAliasColumnDef {
            name: shown,
            data_type: None,
        });
    }
    for column in &mut alias.columns {
        // `AS t(x int)` names a type that the rows have anyway.
        column.data_type = None;
    }
    alias
}

fn replace(factor: &mut TableFactor, query: &str, alias: Option<TableAlias>, function: &str, names: &[String]) {
    let dialect = datafusion::sql::sqlparser::dialect::PostgreSqlDialect {};
    let parsed = datafusion::sql::sqlparser::parser::Parser::parse_sql(&dialect, query);
    let Some(Statement::Query(subquery)) = parsed.ok().and_then(|mut statements| statements.pop()) else {
        return;
    };
    *factor = TableFactor::Derived {
        lateral: true,
        subquery,
        alias: Some(with_columns(alias, function, names)),
        sample: None,
    };
}

/// Whether an argument is a number or a time written out, which is what the engine's own series takes.
fn is_written_out(argument: &Expr) -> bool {
    match argument {
        Expr::Value(value) => matches!(value.value, Value::Number(..)),
        Expr::UnaryOp { expr, .. } => is_written_out(expr),
        Expr::TypedString(_) | Expr::Interval(_) => true,
        Expr::Cast { expr, data_type, .. } => {
            let is_text =
                matches!(expr.as_ref(), Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_)));
            is_text
                && matches!(
                    data_type,
                    SqlType::Date | SqlType::Timestamp(..) | SqlType::Interval { .. }
                )
        }
        _ => false,
    }
}

/// The name of a column of the SELECT list that is such a function.
pub fn name_in_select(expression: &Expr) -> Option<String> {
    let Expr::Function(function) = expression else {
        return None;
    };
    let name = catalog_name(&function.name)?;
    matches!(
        name.as_str(),
        "generate_series"
            | "generate_subscripts"
            | "_pg_expandarray"
            | "aclexplode"
            | "unnest"
            | "string_to_table"
            | "regexp_split_to_table"
    )
    .then_some(name)
}

/// A set-returning function in the SELECT list, unnested there. `(_pg_expandarray(a)).n` is one of its columns.
pub fn in_select(expression: Expr) -> Expr {
    if let Expr::CompoundFieldAccess { root, access_chain } = &expression
        && let [AccessExpr::Dot(Expr::Identifier(field))] = access_chain.as_slice()
        && let Some(array) = expanded(root)
    {
        return match field.value.as_str() {
            "x" => call("unnest", vec![array]),
            _ => call("unnest", vec![subscripts(&array)]),
        };
    }
    let Expr::Function(function) = &expression else {
        return expression;
    };
    let (Some(name), Some(arguments)) = (catalog_name(&function.name), plain_arguments(&function.args)) else {
        return expression;
    };
    match (name.as_str(), arguments.as_slice()) {
        ("_pg_expandarray", [array]) => call("unnest", vec![call("pg_expanded_array", vec![array.clone()])]),
        ("aclexplode", [list]) => call("unnest", vec![call("acl_items", vec![list.clone()])]),
        ("generate_series" | "generate_subscripts" | "string_to_table" | "regexp_split_to_table", _) => {
            let found = columns(&name, &arguments).and_then(|mut columns| columns.pop());
            found.map_or(expression, |(unnested, _)| unnested)
        }
        _ => expression,
    }
}

/// The array of `(_pg_expandarray(array))`, before or after its call was replaced.
fn expanded(root: &Expr) -> Option<Expr> {
    let inner = match root {
        Expr::Nested(inner) => inner.as_ref(),
        other => other,
    };
    let Expr::Function(function) = inner else {
        return None;
    };
    let mut arguments = plain_arguments(&function.args)?;
    match catalog_name(&function.name)?.as_str() {
        "_pg_expandarray" | "pg_expanded_array" => arguments.pop(),
        "unnest" => expanded(&arguments.pop()?),
        _ => None,
    }
}

/// `pg_expanded_array(array)`: the array's elements with their positions, as an array of `(x, n)`.
pub fn expanded_array() -> ScalarUDF {
    ScalarUDF::from(ExpandedArray {
        signature: Signature::any(1, Volatility::Immutable),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ExpandedArray {
    signature: Signature,
}

fn pair_fields(element: &DataType) -> Fields {
    Fields::from(vec![
        Field::new("x", element.clone(), true),
        Field::new("n", DataType::Int32, true),
    ])
}

impl ScalarUDFImpl for ExpandedArray {
    fn name(&self) -> &'static str {
        "pg_expanded_array"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> EngineResult<DataType> {
        match arguments {
            [DataType::List(item)] => Ok(DataType::new_list(
                DataType::Struct(pair_fields(item.data_type())),
                true,
            )),
            _ => Err(Error::not_supported("_pg_expandarray takes an array").into()),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> EngineResult<ColumnarValue> {
        let array = arguments.args[0].to_array(arguments.number_rows)?;
        let list = array.as_list::<i32>();
        let offsets = list.offsets();
        let positions: Int32Array = offsets.windows(2).flat_map(|pair| 1..=(pair[1] - pair[0])).collect();
        let first = usize::try_from(offsets[0]).unwrap_or_default();
        let values: ArrayRef = list.values().slice(first, positions.len());
        let pairs = StructArray::try_new(
            pair_fields(values.data_type()),
            vec![values, Arc::new(positions)],
            None::<NullBuffer>,
        )?;
        let item = Arc::new(Field::new_list_field(pairs.data_type().clone(), true));
        let lengths = OffsetBuffer::from_lengths(
            offsets
                .windows(2)
                .map(|pair| usize::try_from(pair[1] - pair[0]).unwrap_or_default()),
        );
        let nulls = list.nulls().cloned();
        Ok(ColumnarValue::Array(Arc::new(ListArray::try_new(
            item,
            lengths,
            Arc::new(pairs),
            nulls,
        )?)))
    }
}
