//! The rows of the catalog's relations.

mod functions;
mod information;
mod relations;
mod server;

use super::builder::Rows;
use super::facts::{self, RelationFacts};
use super::live::{Catalog, SessionFacts};
use super::{CATALOG_SCHEMA, INFORMATION_SCHEMA};
pub use functions::{descriptions, shared_descriptions};

/// The rows of one relation, and whether they are this session's alone.
pub struct Made {
    pub rows: Rows,
    pub of_session: bool,
}

pub fn rows_of(relation: &RelationFacts, catalog: &Catalog, session: &SessionFacts) -> Made {
    let made = |rows: Option<Rows>| Made {
        rows: rows.unwrap_or_default(),
        of_session: false,
    };
    if let Some(rows) = server::of_session(relation, catalog, session) {
        return Made { rows, of_session: true };
    }
    match (relation.schema, relation.name) {
        (CATALOG_SCHEMA, "pg_proc") => made(Some(functions::pg_proc(catalog))),
        (CATALOG_SCHEMA, "pg_aggregate") => made(Some(functions::pg_aggregate(catalog))),
        (CATALOG_SCHEMA, "pg_description") => made(Some(functions::pg_description(catalog))),
        (CATALOG_SCHEMA, name) => {
            let live = relations::of(name, catalog).or_else(|| server::of(name, catalog));
            made(live.or_else(|| shipped(name)))
        }
        (INFORMATION_SCHEMA, name) => made(information::of(name, catalog)),
        _ => made(None),
    }
}

/// What every PostgreSQL has.
fn shipped(name: &str) -> Option<Rows> {
    let shipped = facts::shipped(name)?;
    Some(Rows {
        columns: shipped.columns.clone(),
        rows: shipped
            .rows
            .iter()
            .map(|row| row.iter().map(|cell| cell.map(str::to_string)).collect())
            .collect(),
    })
}
