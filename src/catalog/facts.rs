//! What every PostgreSQL 15 has: the relations of its two own schemas with their columns, and the rows that it ships.
//! The files beside this one were written out by a PostgreSQL 15 from its own catalog.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A relation of `pg_catalog` or `information_schema`.
#[derive(Debug)]
pub struct RelationFacts {
    pub schema: &'static str,
    pub name: &'static str,
    pub oid: i64,
    /// `r` for a table, `v` for a view.
    pub kind: &'static str,
    pub columns: Vec<ColumnFacts>,
}

#[derive(Debug)]
pub struct ColumnFacts {
    pub name: &'static str,
    /// The type as `format_type` writes it.
    pub type_name: String,
    pub not_null: bool,
}

/// Rows as text, in the order of their columns; `None` is NULL.
#[derive(Debug)]
pub struct Shipped {
    pub columns: Vec<&'static str>,
    pub rows: Vec<Vec<Option<&'static str>>>,
}

/// By schema, then by name.
static RELATIONS: LazyLock<BTreeMap<&'static str, BTreeMap<&'static str, RelationFacts>>> = LazyLock::new(|| {
    let mut schemas: BTreeMap<&'static str, BTreeMap<&'static str, RelationFacts>> = BTreeMap::new();
    for relation in include_str!("facts/relations.txt").lines().filter_map(relation_of) {
        schemas
            .entry(relation.schema)
            .or_default()
            .insert(relation.name, relation);
    }
    schemas
});

/// `schema name oid kind column:type! column:type …`; the exclamation mark says that it is never NULL.
fn relation_of(line: &'static str) -> Option<RelationFacts> {
    let mut words = line.split(' ');
    let (schema, name, oid, kind) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let columns = words
        .filter_map(|word| word.split_once(':'))
        .map(|(name, described)| ColumnFacts {
            name,
            type_name: described.trim_end_matches('!').replace('_', " "),
            not_null: described.ends_with('!'),
        })
        .map(with_underscores)
        .collect();
    Some(RelationFacts {
        schema,
        name,
        oid: oid.parse().ok()?,
        kind,
        columns,
    })
}

/// Names of types that have an underscore of their own.
fn with_underscores(mut column: ColumnFacts) -> ColumnFacts {
    for name in [
        "pg_node_tree",
        "pg_lsn",
        "pg_ndistinct",
        "pg_dependencies",
        "pg_mcv_list",
        "pg_statistic",
        "sql_identifier",
        "character_data",
        "cardinal_number",
        "yes_or_no",
        "time_stamp",
    ] {
        column.type_name = column.type_name.replace(&name.replace('_', " "), name);
    }
    column
}

pub fn relations() -> impl Iterator<Item = &'static RelationFacts> {
    RELATIONS.values().flat_map(BTreeMap::values)
}

pub fn relation(schema: &str, name: &str) -> Option<&'static RelationFacts> {
    RELATIONS.get(schema)?.get(name)
}

macro_rules! shipped {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("facts/", $name, ".tsv")))),+]
    };
}

static SHIPPED: LazyLock<BTreeMap<&'static str, Shipped>> = LazyLock::new(|| {
    shipped![
        "pg_am",
        "pg_cast",
        "pg_collation",
        "pg_language",
        "pg_opclass",
        "pg_operator",
        "pg_proc",
        "pg_range",
        "pg_tablespace",
        "pg_type",
    ]
    .into_iter()
    .map(|(name, text)| (name, rows_of(text)))
    .collect()
});

fn rows_of(text: &'static str) -> Shipped {
    let mut lines = text.lines();
    Shipped {
        columns: lines.next().unwrap_or_default().split('\t').collect(),
        rows: lines
            .map(|line| line.split('\t').map(|cell| (cell != "\\N").then_some(cell)).collect())
            .collect(),
    }
}

/// The rows that PostgreSQL ships for a relation of `pg_catalog`.
pub fn shipped(relation: &str) -> Option<&'static Shipped> {
    SHIPPED.get(relation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_are_whole() {
        // Counted in PostgreSQL 15: 139 relations of pg_catalog and 69 of information_schema.
        assert_eq!(relations().count(), 139 + 69);
        let class = relation("pg_catalog", "pg_class").unwrap();
        assert_eq!((class.oid, class.kind, class.columns.len()), (1259, "r", 33));
        let column = &relation("information_schema", "columns").unwrap().columns[5];
        assert_eq!(
            (column.name, column.type_name.as_str()),
            ("column_default", "character_data")
        );
        for (name, rows) in SHIPPED.iter() {
            let known = relation("pg_catalog", name).unwrap();
            for column in &rows.columns {
                assert!(known.columns.iter().any(|one| one.name == *column), "{name}.{column}");
            }
            assert!(rows.rows.iter().all(|row| row.len() == rows.columns.len()), "{name}");
        }
    }
}
