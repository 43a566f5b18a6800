//! `information_schema`: the same relations in the SQL standard's form. It shows what the session may read, which is
//! everything. There are no keys: nothing here has one, and the relations of keys are empty.

use crate::catalog::builder::{Cell, Rows, cell};
use crate::catalog::facts;
use crate::catalog::live::{Catalog, FunctionKind, RelationKind};
use crate::catalog::types::{by_oid, oid_of_arrow, oid_of_type, sql_name};

pub fn of(name: &str, catalog: &Catalog) -> Option<Rows> {
    Some(match name {
        "tables" => tables(catalog),
        "views" => views(catalog),
        "columns" => columns(catalog),
        "schemata" => schemata(catalog),
        "routines" => routines(catalog),
        "table_privileges" | "role_table_grants" => table_privileges(catalog),
        "information_schema_catalog_name" => {
            let mut rows = Rows::new(&["catalog_name"]);
            rows.push([cell(&catalog.database)]);
            rows
        }
        "character_sets" => {
            let mut rows = Rows::new(&["character_set_name", "character_repertoire", "form_of_use"]);
            rows.push([cell("UTF8"), cell("UCS"), cell("UTF8")]);
            rows.constant("default_collate_catalog", &catalog.database);
            rows
        }
        _ => return None,
    })
}

/// Schema, name and whether it is a view, of every relation.
fn relations(catalog: &Catalog) -> impl Iterator<Item = (&str, &str, bool)> {
    let shipped = facts::relations().map(|one| (one.schema, one.name, one.kind == "v"));
    let own = catalog.relations.iter().map(|one| {
        let is_view = one.kind == RelationKind::View;
        (one.schema.as_str(), one.name.as_str(), is_view)
    });
    shipped.chain(own)
}

fn tables(catalog: &Catalog) -> Rows {
    let mut rows = Rows::new(&["table_catalog", "table_schema", "table_name", "table_type"]);
    for (schema, name, is_view) in relations(catalog) {
        let kind = if is_view { "VIEW" } else { "BASE TABLE" };
        rows.push([cell(&catalog.database), cell(schema), cell(name), cell(kind)]);
    }
    rows.constant("is_insertable_into", "NO");
    rows.constant("is_typed", "NO");
    rows
}

fn views(catalog: &Catalog) -> Rows {
    let mut rows = Rows::new(&["table_catalog", "table_schema", "table_name", "view_definition"]);
    for view in catalog.relations.iter().filter(|one| one.kind == RelationKind::View) {
        rows.push([
            cell(&catalog.database),
            cell(&view.schema),
            cell(&view.name),
            view.definition.clone(),
        ]);
    }
    rows.constant("check_option", "NONE");
    for column in [
        "is_updatable",
        "is_insertable_into",
        "is_trigger_updatable",
        "is_trigger_deletable",
        "is_trigger_insertable_into",
    ] {
        rows.constant(column, "NO");
    }
    rows
}

/// Digits and radix of a number, and the digits of a time's fraction.
fn precision(oid: i64) -> [Cell; 4] {
    match oid {
        21 => [cell(16), cell(2), cell(0), None],
        23 => [cell(32), cell(2), cell(0), None],
        20 => [cell(64), cell(2), cell(0), None],
        700 => [cell(24), cell(2), None, None],
        701 => [cell(53), cell(2), None, None],
        1700 => [None, cell(10), None, None],
        1082 => [None, None, None, cell(0)],
        1083 | 1114 | 1184 | 1186 => [None, None, None, cell(6)],
        _ => [None, None, None, None],
    }
}

fn columns(catalog: &Catalog) -> Rows {
    let mut rows = Rows::new(&[
        "table_catalog",
        "table_schema",
        "table_name",
        "column_name",
        "ordinal_position",
        "dtd_identifier",
        "is_nullable",
        "data_type",
        "udt_name",
        "numeric_precision",
        "numeric_precision_radix",
        "numeric_scale",
        "datetime_precision",
        "character_octet_length",
    ]);
    let mut push = |schema: &str, table: &str, position: usize, name: &str, type_oid: i64, not_null: bool| {
        let [digits, radix, scale, fraction] = precision(type_oid);
        let found = by_oid(type_oid);
        let is_array = found.is_some_and(|found| found.name.starts_with('_'));
        let data_type = if is_array {
            Some("ARRAY".to_string())
        } else {
            sql_name(type_oid)
        };
        let octets = matches!(type_oid, 25 | 1043).then(|| "1073741824".to_string());
        rows.push([
            cell(&catalog.database),
            cell(schema),
            cell(table),
            cell(name),
            cell(position),
            cell(position),
            cell(if not_null { "NO" } else { "YES" }),
            data_type,
            found.and_then(|found| cell(found.name)),
            digits,
            radix,
            scale,
            fraction,
            octets,
        ]);
    };
    for relation in facts::relations() {
        for (position, column) in (1..).zip(&relation.columns) {
            let type_oid = oid_of_type(&column.type_name).unwrap_or(25);
            push(
                relation.schema,
                relation.name,
                position,
                column.name,
                type_oid,
                column.not_null,
            );
        }
    }
    for relation in &catalog.relations {
        for (position, column) in (1..).zip(&relation.columns) {
            let type_oid = oid_of_arrow(&column.data_type);
            push(
                &relation.schema,
                &relation.name,
                position,
                &column.name,
                type_oid,
                false,
            );
        }
    }
    for (column, value) in [
        ("udt_catalog", catalog.database.as_str()),
        ("udt_schema", "pg_catalog"),
        ("is_self_referencing", "NO"),
        ("is_identity", "NO"),
        ("identity_cycle", "NO"),
        ("is_generated", "NEVER"),
        ("is_updatable", "NO"),
    ] {
        rows.constant(column, value);
    }
    rows
}

fn schemata(catalog: &Catalog) -> Rows {
    let mut rows = Rows::new(&["catalog_name", "schema_name", "schema_owner"]);
    for (name, _) in catalog.schemas() {
        rows.push([cell(&catalog.database), cell(name), cell(&catalog.owner)]);
    }
    rows
}

fn routines(catalog: &Catalog) -> Rows {
    let mut rows = Rows::new(&[
        "specific_schema",
        "specific_name",
        "routine_schema",
        "routine_name",
        "data_type",
    ]);
    let scalars = catalog.functions.iter().filter(|one| one.kind == FunctionKind::Scalar);
    for function in scalars {
        let oid = catalog
            .function_oid(function.schema, &function.name)
            .unwrap_or_default();
        rows.push([
            cell(function.schema),
            cell(format!("{}_{oid}", function.name)),
            cell(function.schema),
            cell(&function.name),
            sql_name(function.result),
        ]);
    }
    for (column, value) in [
        ("specific_catalog", catalog.database.as_str()),
        ("routine_catalog", catalog.database.as_str()),
        ("routine_type", "FUNCTION"),
        ("routine_body", "EXTERNAL"),
        ("external_language", "INTERNAL"),
    ] {
        rows.constant(column, value);
    }
    rows
}

fn table_privileges(catalog: &Catalog) -> Rows {
    let mut rows = Rows::new(&["grantor", "grantee", "table_catalog", "table_schema", "table_name"]);
    for (schema, name, _) in relations(catalog) {
        rows.push([
            cell(&catalog.owner),
            cell("PUBLIC"),
            cell(&catalog.database),
            cell(schema),
            cell(name),
        ]);
    }
    for (column, value) in [
        ("privilege_type", "SELECT"),
        ("is_grantable", "NO"),
        ("with_hierarchy", "YES"),
    ] {
        rows.constant(column, value);
    }
    rows
}
