//! What the catalog is told of the engine: its relations with their comments, and its functions.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::DFSchema;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{
    Documentation, Expr, ExprSchemable, Signature, TableType, TypeSignature, Volatility, lit,
};

use super::views::{ViewComments, view_comments};
use super::{DATABASE, PUBLIC_SCHEMA, Relations, SYSTEM_SCHEMA};
use crate::catalog::{self, CATALOG_SCHEMA, Catalog, Column, Function, FunctionKind, Relation, RelationKind};
use crate::sources::COMMENT_KEY;

/// Tables of the data and of the vocabulary; views say it themselves.
const TABLES: [(&str, &str); 9] = [
    (
        "error_aggregates",
        "The source: counts of errors and usage hours, one row per row of the source.",
    ),
    (
        "measures",
        "What is counted: one row per measure, with its label and unit.",
    ),
    (
        "channels",
        "The update channels: one row per channel, with its label and order.",
    ),
    ("platforms", "The platforms: one row per platform, with its label."),
    (
        "targets",
        "Target and critical rates: one row per channel, platform and measure that has them.",
    ),
    (
        "release_calendar",
        "When releases came out: one row per application, channel and version of the calendar.",
    ),
    (
        "verdict_settings",
        "What verdicts on releases are made with: one row per channel that differs, and one for all others.",
    ),
    (
        "alerts",
        "Regressions found, each as it was when it was found first: one row per release, platform and measure.",
    ),
    (
        "source_problems",
        "What of the source was left out and why: one row per problem.",
    ),
];

/// Describes everything that queries can name.
pub fn describe(relations: &Relations, state: &SessionState) -> Catalog {
    let own = [(PUBLIC_SCHEMA, &relations.public), (SYSTEM_SCHEMA, &relations.system)];
    let described = own.into_iter().flat_map(|(schema, tables)| {
        let describe = move |(name, table): (&String, &Arc<dyn TableProvider>)| {
            relation(schema, name, table.as_ref(), &relations.measures)
        };
        tables.iter().map(describe)
    });
    Catalog::new(DATABASE, described.collect(), functions(state))
}

fn relation(schema: &str, name: &str, table: &dyn TableProvider, measures: &[String]) -> Relation {
    let said = (schema == PUBLIC_SCHEMA)
        .then(|| view_comments(name, measures))
        .flatten();
    let is_view = said.is_some() || table.table_type() == TableType::View;
    let of_table = TABLES.iter().find(|(table, _)| *table == name);
    let ViewComments { relation, columns } = said.unwrap_or_else(|| ViewComments {
        relation: of_table.map_or("", |(_, words)| words).to_string(),
        ..ViewComments::default()
    });
    let column = |field: &Arc<arrow::datatypes::Field>| {
        let own = columns.get(field.name());
        Column {
            name: field.name().clone(),
            data_type: field.data_type().clone(),
            comment: own.or_else(|| field.metadata().get(COMMENT_KEY)).cloned(),
        }
    };
    Relation {
        schema: schema.to_string(),
        name: name.to_string(),
        kind: if is_view {
            RelationKind::View
        } else {
            RelationKind::Table
        },
        comment: (!relation.is_empty()).then_some(relation),
        definition: is_view
            .then(|| table.get_table_definition().map(|text| text.trim_end().to_string()))
            .flatten(),
        columns: table.schema().fields().iter().map(column).collect(),
    }
}

fn functions(state: &SessionState) -> Vec<Function> {
    let own: Vec<String> = [
        names(
            mission_control_udfs::all_scalar_functions()
                .iter()
                .map(|one| one.name()),
        ),
        names(
            mission_control_udfs::all_aggregate_functions()
                .iter()
                .map(|one| one.name()),
        ),
        names(
            mission_control_udfs::all_window_functions()
                .iter()
                .map(|one| one.name()),
        ),
    ]
    .concat();
    let schema_of = |name: &str| {
        if own.iter().any(|one| one == name) || name == "mission_control_version" {
            PUBLIC_SCHEMA
        } else {
            CATALOG_SCHEMA
        }
    };
    let mut functions = Vec::new();
    for (name, function) in state.scalar_functions() {
        functions.push(Function {
            schema: schema_of(name),
            name: name.clone(),
            kind: FunctionKind::Scalar,
            arguments: arguments(function.documentation()),
            result: result(function.signature(), |values| function.call(values)),
            volatility: volatility(function.signature()),
            comment: comment(function.documentation()),
        });
    }
    for (name, function) in state.aggregate_functions() {
        functions.push(Function {
            schema: schema_of(name),
            name: name.clone(),
            kind: FunctionKind::Aggregate,
            arguments: arguments(function.documentation()),
            result: result(function.signature(), |values| function.call(values)),
            volatility: volatility(function.signature()),
            comment: comment(function.documentation()),
        });
    }
    for (name, function) in state.window_functions() {
        functions.push(Function {
            schema: schema_of(name),
            name: name.clone(),
            kind: FunctionKind::Window,
            arguments: arguments(function.documentation()),
            result: result(function.signature(), |values| function.call(values)),
            volatility: volatility(function.signature()),
            comment: comment(function.documentation()),
        });
    }
    let of_session = super::functions::of_session().map(|name| (name, DataType::Utf8));
    for (name, data_type) in catalog::functions::names().into_iter().chain(of_session) {
        functions.push(Function {
            schema: CATALOG_SCHEMA,
            name: name.to_string(),
            kind: FunctionKind::Scalar,
            arguments: String::new(),
            result: catalog::oid_of_arrow(&data_type),
            volatility: 's',
            comment: None,
        });
    }
    functions
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    names.map(str::to_string).collect()
}

/// What stands between the brackets of the documented call.
fn arguments(documentation: Option<&Documentation>) -> String {
    let example = documentation.map_or("", |said| said.syntax_example.as_str());
    let Some((_, rest)) = example.split_once('(') else {
        return String::new();
    };
    let mut depth = 0;
    let end = rest.find(|letter| {
        depth += match letter {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth < 0
    });
    rest[..end.unwrap_or(rest.len())].to_string()
}

fn comment(documentation: Option<&Documentation>) -> Option<String> {
    documentation.map(|said| said.description.replace("\\\n", "").trim().to_string())
}

fn volatility(signature: &Signature) -> char {
    match signature.volatility {
        Volatility::Immutable => 'i',
        Volatility::Stable => 's',
        Volatility::Volatile => 'v',
    }
}

/// The type of a function's result, found by asking it about calls with numbers and with texts; 2283 is `anyelement`,
/// for functions that answer neither.
fn result(signature: &Signature, call: impl Fn(Vec<Expr>) -> Expr) -> i64 {
    const ANY_ELEMENT: i64 = 2283;
    let counts = match &signature.type_signature {
        TypeSignature::Nullary => 0..=0,
        _ => 0..=8,
    };
    let asked = counts.flat_map(|count| [vec![lit(1.0f64); count], vec![lit("a"); count]]);
    let mut answers = asked.filter_map(|values| call(values).get_type(&DFSchema::empty()).ok());
    answers.next().map_or(ANY_ELEMENT, |data_type| match data_type {
        DataType::Null => ANY_ELEMENT,
        other => catalog::oid_of_arrow(&other),
    })
}
