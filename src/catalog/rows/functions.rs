//! Functions, and what is said of relations, columns and functions.

use crate::catalog::builder::{Rows, cell};
use crate::catalog::facts;
use crate::catalog::live::{
    CATALOG_OID, Catalog, DATABASE_OID, FunctionKind, OWNER_OID, PG_CLASS, PG_DATABASE, PG_NAMESPACE, PG_PROC,
};

/// PostgreSQL's number for functions compiled into the server.
const INTERNAL_LANGUAGE: i64 = 12;

pub fn pg_proc(catalog: &Catalog) -> Rows {
    let mut rows = Rows::new(&[
        "oid",
        "proname",
        "pronamespace",
        "prokind",
        "provolatile",
        "pronargs",
        "prorettype",
        "proargtypes",
    ]);
    // The functions by which PostgreSQL's types are read and written, which drivers look up by number.
    if let Some(shipped) = facts::shipped("pg_proc") {
        for row in &shipped.rows {
            let [oid, name, count, result, arguments] = row.as_slice() else {
                continue;
            };
            let text = |cell: &Option<&str>| cell.map(str::to_string);
            rows.push([
                text(oid),
                text(name),
                cell(CATALOG_OID),
                cell("f"),
                cell("i"),
                text(count),
                text(result),
                text(arguments),
            ]);
        }
    }
    for function in &catalog.functions {
        let kind = match function.kind {
            FunctionKind::Scalar => "f",
            FunctionKind::Aggregate => "a",
            FunctionKind::Window => "w",
        };
        rows.push([
            catalog.function_oid(function.schema, &function.name).and_then(cell),
            cell(&function.name),
            catalog.schema_oid(function.schema).and_then(cell),
            cell(kind),
            cell(function.volatility),
            cell(0),
            cell(function.result),
            cell(""),
        ]);
    }
    for (column, value) in [
        ("proowner", OWNER_OID.to_string().as_str()),
        ("prolang", INTERNAL_LANGUAGE.to_string().as_str()),
        ("procost", "1"),
        ("proparallel", "s"),
        ("proisstrict", "t"),
    ] {
        rows.constant(column, value);
    }
    rows
}

pub fn pg_aggregate(catalog: &Catalog) -> Rows {
    let mut rows = Rows::new(&["aggfnoid", "aggkind"]);
    let aggregates = catalog
        .functions
        .iter()
        .filter(|one| one.kind == FunctionKind::Aggregate);
    for function in aggregates {
        let oid = catalog.function_oid(function.schema, &function.name);
        rows.push([oid.and_then(cell), cell("n")]);
    }
    rows
}

/// One description: the object's catalog, its number, its part, the words.
pub fn descriptions(catalog: &Catalog) -> Vec<(i64, i64, i64, String)> {
    let mut found = Vec::new();
    for relation in &catalog.relations {
        let Some(oid) = catalog.relation_oid(&relation.schema, &relation.name) else {
            continue;
        };
        found.extend(relation.comment.clone().map(|words| (PG_CLASS, oid, 0, words)));
        for (number, column) in (1..).zip(&relation.columns) {
            found.extend(column.comment.clone().map(|words| (PG_CLASS, oid, number, words)));
        }
    }
    for function in &catalog.functions {
        let oid = catalog.function_oid(function.schema, &function.name);
        if let (Some(oid), Some(words)) = (oid, &function.comment) {
            found.push((PG_PROC, oid, 0, words.clone()));
        }
    }
    let said = |schema: &str| match schema {
        "public" => Some("the data: relations and views of release health"),
        "mission_control" => Some("what the server says of itself"),
        "pg_catalog" => Some("system catalog schema"),
        _ => None,
    };
    for (schema, oid) in catalog.schemas() {
        found.extend(said(schema).map(|words| (PG_NAMESPACE, oid, 0, words.to_string())));
    }
    found
}

/// Descriptions of what all databases share: here, of the database itself.
pub fn shared_descriptions() -> Vec<(i64, i64, String)> {
    vec![(DATABASE_OID, PG_DATABASE, "release health as SQL".to_string())]
}

pub fn pg_description(catalog: &Catalog) -> Rows {
    let mut rows = Rows::new(&["objoid", "classoid", "objsubid", "description"]);
    for (class, oid, part, words) in descriptions(catalog) {
        rows.push([cell(oid), cell(class), cell(part), Some(words)]);
    }
    rows
}
