//! PostgreSQL's catalog over the relations and functions of this server: `pg_catalog` and `information_schema` with all
//! their relations and columns as in PostgreSQL 15, so that any query over them has an answer. What describes this
//! server is made from the live relations; what PostgreSQL ships is a table of facts; everything else is empty.

mod builder;
mod facts;
pub mod functions;
mod keywords;
mod live;
mod oids;
mod reg;
mod rows;
mod table;
mod types;

pub use functions::register;
pub use keywords::{Keyword, keywords};
pub use live::{Backend, Backends, Catalog, Column, Function, FunctionKind, Relation, RelationKind, SessionFacts};
pub use reg::{RegKind, TYPE_KEY};
pub use table::schema;
pub use types::{oid_of_arrow, oid_of_type};

/// PostgreSQL's own schema.
pub const CATALOG_SCHEMA: &str = "pg_catalog";
/// The SQL standard's.
pub const INFORMATION_SCHEMA: &str = "information_schema";

/// Whether `pg_catalog` has a relation of this name, which is found without its schema.
pub fn is_catalog_relation(name: &str) -> bool {
    facts::relation(CATALOG_SCHEMA, name).is_some()
}
