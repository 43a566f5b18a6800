//! Relations and their columns, in PostgreSQL's own form.

use crate::catalog::builder::{Rows, cell, truth};
use crate::catalog::facts;
use crate::catalog::live::{Catalog, OWNER_OID, RelationKind};
use crate::catalog::types::{by_oid, oid_of_arrow, oid_of_type};

pub fn of(name: &str, catalog: &Catalog) -> Option<Rows> {
    Some(match name {
        "pg_class" => pg_class(catalog),
        "pg_attribute" => pg_attribute(catalog),
        "pg_namespace" => pg_namespace(catalog),
        "pg_tables" => pg_tables(catalog),
        "pg_views" => pg_views(catalog),
        "pg_stat_user_tables" | "pg_stat_all_tables" => pg_stat_tables(catalog),
        _ => return None,
    })
}

fn kind_of(kind: RelationKind) -> &'static str {
    match kind {
        RelationKind::Table => "r",
        RelationKind::View => "v",
    }
}

fn pg_class(catalog: &Catalog) -> Rows {
    let mut rows = Rows::new(&[
        "oid",
        "relname",
        "relnamespace",
        "relkind",
        "relnatts",
        "relhasrules",
        "relam",
    ]);
    // PostgreSQL's heap, which only tables have.
    let access = |kind: &str| cell(if kind == "r" { 2 } else { 0 });
    let shipped = facts::relations().map(|one| (one.schema, one.name, one.kind, one.columns.len()));
    let own = catalog.relations.iter().map(|one| {
        let (schema, name) = (one.schema.as_str(), one.name.as_str());
        (schema, name, kind_of(one.kind), one.columns.len())
    });
    for (schema, name, kind, columns) in shipped.chain(own) {
        rows.push([
            catalog.relation_oid(schema, name).and_then(cell),
            cell(name),
            catalog.schema_oid(schema).and_then(cell),
            cell(kind),
            cell(columns),
            truth(kind == "v"),
            access(kind),
        ]);
    }
    for (column, value) in [
        ("relowner", OWNER_OID.to_string().as_str()),
        ("relpersistence", "p"),
        ("relreplident", "n"),
        ("relispopulated", "t"),
        ("reltuples", "-1"),
    ] {
        rows.constant(column, value);
    }
    rows
}

fn pg_attribute(catalog: &Catalog) -> Rows {
    let mut rows = Rows::new(&[
        "attrelid",
        "attname",
        "atttypid",
        "attnum",
        "attnotnull",
        "attlen",
        "attbyval",
        "attalign",
        "attstorage",
        "attcollation",
        "attndims",
    ]);
    let mut push = |relation: i64, number: usize, name: &str, type_oid: i64, not_null: bool| {
        let found = by_oid(type_oid);
        rows.push([
            cell(relation),
            cell(name),
            cell(type_oid),
            cell(number),
            truth(not_null),
            found.map_or_else(|| cell(-1), |found| cell(found.length)),
            found.map_or_else(|| truth(false), |found| cell(found.by_value)),
            cell(found.map_or("i", |found| found.align)),
            cell(found.map_or("x", |found| found.storage)),
            cell(found.map_or(0, |found| found.collation)),
            cell(i64::from(found.is_some_and(|found| found.name.starts_with('_')))),
        ]);
    };
    for relation in facts::relations() {
        for (index, column) in relation.columns.iter().enumerate() {
            let type_oid = oid_of_type(&column.type_name).unwrap_or(25);
            push(relation.oid, index + 1, column.name, type_oid, column.not_null);
        }
    }
    for relation in &catalog.relations {
        let oid = catalog
            .relation_oid(&relation.schema, &relation.name)
            .unwrap_or_default();
        for (index, column) in relation.columns.iter().enumerate() {
            push(oid, index + 1, &column.name, oid_of_arrow(&column.data_type), false);
        }
    }
    for (column, value) in [
        ("attstattarget", "-1"),
        ("attcacheoff", "-1"),
        ("atttypmod", "-1"),
        ("attislocal", "t"),
    ] {
        rows.constant(column, value);
    }
    rows
}

fn pg_namespace(catalog: &Catalog) -> Rows {
    let mut rows = Rows::new(&["oid", "nspname", "nspowner"]);
    for (name, oid) in catalog.schemas() {
        rows.push([cell(oid), cell(name), cell(OWNER_OID)]);
    }
    rows
}

fn pg_tables(catalog: &Catalog) -> Rows {
    let mut rows = Rows::new(&[
        "schemaname",
        "tablename",
        "tableowner",
        "hasindexes",
        "hasrules",
        "hastriggers",
    ]);
    let shipped = facts::relations()
        .filter(|one| one.kind == "r")
        .map(|one| (one.schema, one.name));
    let own = catalog
        .relations
        .iter()
        .filter(|one| one.kind == RelationKind::Table)
        .map(|one| (one.schema.as_str(), one.name.as_str()));
    for (schema, name) in shipped.chain(own) {
        let no = || truth(false);
        rows.push([cell(schema), cell(name), cell(&catalog.owner), no(), no(), no()]);
    }
    rows.constant("rowsecurity", "f");
    rows
}

fn pg_views(catalog: &Catalog) -> Rows {
    let mut rows = Rows::new(&["schemaname", "viewname", "viewowner", "definition"]);
    let shipped = facts::relations()
        .filter(|one| one.kind == "v")
        .map(|one| (one.schema, one.name, None));
    let own = catalog
        .relations
        .iter()
        .filter(|one| one.kind == RelationKind::View)
        .map(|one| (one.schema.as_str(), one.name.as_str(), one.definition.clone()));
    for (schema, name, definition) in shipped.chain(own) {
        rows.push([cell(schema), cell(name), cell(&catalog.owner), definition]);
    }
    rows
}

/// One row per table; nothing is counted, as in a server that has just started.
fn pg_stat_tables(catalog: &Catalog) -> Rows {
    let mut rows = Rows::new(&["relid", "schemaname", "relname"]);
    let tables = catalog.relations.iter().filter(|one| one.kind == RelationKind::Table);
    for table in tables {
        let oid = catalog.relation_oid(&table.schema, &table.name);
        rows.push([oid.and_then(cell), cell(&table.schema), cell(&table.name)]);
    }
    for column in ["seq_scan", "seq_tup_read", "n_live_tup", "n_dead_tup"] {
        rows.constant(column, "0");
    }
    rows
}
