//! What the catalog is told of this server: its relations and functions, and who asks.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, OnceLock};

use arrow::datatypes::DataType;

use super::oids;
use super::{CATALOG_SCHEMA, INFORMATION_SCHEMA, facts};
use crate::access::{Identity, Role};

/// PostgreSQL's numbers for what every database has.
pub const CATALOG_OID: i64 = 11;
pub const PUBLIC_OID: i64 = 2200;
pub const INFORMATION_OID: i64 = 13_207;
pub const DATABASE_OID: i64 = 16_384;
/// The role that owns everything: PostgreSQL's number for the one that made the cluster.
pub const OWNER_OID: i64 = 10;
/// The catalogs whose rows the numbers belong to.
pub const PG_CLASS: i64 = 1259;
pub const PG_PROC: i64 = 1255;
pub const PG_NAMESPACE: i64 = 2615;
pub const PG_DATABASE: i64 = 1262;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelationKind {
    Table,
    View,
}

#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    pub data_type: DataType,
    pub comment: Option<String>,
}

/// One of this server's relations.
#[derive(Debug, Clone)]
pub struct Relation {
    pub schema: String,
    pub name: String,
    pub kind: RelationKind,
    pub comment: Option<String>,
    /// The text of a view.
    pub definition: Option<String>,
    pub columns: Vec<Column>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FunctionKind {
    Scalar,
    Aggregate,
    Window,
}

/// One of this server's functions.
#[derive(Debug, Clone)]
pub struct Function {
    pub schema: &'static str,
    pub name: String,
    pub kind: FunctionKind,
    /// As the reference writes them: `count, hours [, confidence]`.
    pub arguments: String,
    /// The number of the result's type.
    pub result: i64,
    pub volatility: char,
    pub comment: Option<String>,
}

/// Who asks, with which settings: what a few relations of the catalog show.
#[derive(Debug, Clone, Default)]
pub struct SessionFacts {
    pub user: String,
    pub role: Role,
    /// The relation that takes rows, if there is one.
    pub takes_rows: Option<&'static str>,
    /// Everybody whom the configuration names.
    pub users: Arc<Vec<Identity>>,
    /// Name, value and description.
    pub settings: Vec<(String, String, String)>,
    /// Who is connected.
    pub backends: Backends,
}

/// A connection, as `pg_stat_activity` has it; times are in microseconds since 1970.
#[derive(Debug, Clone)]
pub struct Backend {
    pub pid: i32,
    pub user: String,
    pub application: String,
    pub address: Option<String>,
    pub started: Option<i64>,
    pub transaction_started: Option<i64>,
    pub statement_started: Option<i64>,
    pub state_changed: Option<i64>,
    pub state: &'static str,
    pub statement: String,
}

/// Whoever knows the connections, asked when somebody looks.
#[derive(Clone)]
pub struct Backends(Arc<dyn Fn() -> Vec<Backend> + Send + Sync>);

impl Backends {
    pub fn new(ask: impl Fn() -> Vec<Backend> + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }

    pub fn now(&self) -> Vec<Backend> {
        (self.0)()
    }
}

impl Default for Backends {
    fn default() -> Self {
        Self::new(Vec::new)
    }
}

impl fmt::Debug for Backends {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Backends")
    }
}

/// This server's side of the catalog, with a number for everything in it.
#[derive(Debug, Default)]
pub struct Catalog {
    pub database: String,
    pub owner: String,
    pub relations: Vec<Relation>,
    pub functions: Vec<Function>,
    /// By `schema.name`.
    relation_oids: BTreeMap<String, i64>,
    /// By `schema.name`; there is one function of each name.
    function_oids: BTreeMap<String, i64>,
    schema_oids: BTreeMap<String, i64>,
    relations_by_oid: HashMap<i64, usize>,
    functions_by_oid: HashMap<i64, usize>,
    /// By the object's catalog, its number and its part; made when first asked for.
    descriptions: OnceLock<HashMap<(i64, i64, i64), String>>,
}

impl Catalog {
    pub fn new(database: &str, mut relations: Vec<Relation>, mut functions: Vec<Function>) -> Self {
        relations.sort_by(|one, other| (&one.schema, &one.name).cmp(&(&other.schema, &other.name)));
        functions.sort_by(|one, other| (one.schema, &one.name, one.kind).cmp(&(other.schema, &other.name, other.kind)));
        functions.dedup_by(|one, other| one.schema == other.schema && one.name == other.name);
        let of_relation = |relation: &Relation| format!("{}.{}", relation.schema, relation.name);
        let of_function = |function: &Function| format!("{}.{}", function.schema, function.name);
        let mut schema_oids: BTreeMap<String, i64> = oids::assign(
            relations
                .iter()
                .map(|relation| relation.schema.clone())
                .filter(|schema| schema != "public"),
        );
        schema_oids.insert("public".to_string(), PUBLIC_OID);
        schema_oids.insert(CATALOG_SCHEMA.to_string(), CATALOG_OID);
        schema_oids.insert(INFORMATION_SCHEMA.to_string(), INFORMATION_OID);
        let relation_oids = oids::assign(relations.iter().map(of_relation));
        let function_oids = oids::assign(functions.iter().map(of_function));
        let relations_by_oid = (0..relations.len())
            .filter_map(|index| Some((*relation_oids.get(&of_relation(&relations[index]))?, index)))
            .collect();
        let functions_by_oid = (0..functions.len())
            .filter_map(|index| Some((*function_oids.get(&of_function(&functions[index]))?, index)))
            .collect();
        Self {
            database: database.to_string(),
            owner: database.to_string(),
            relation_oids,
            function_oids,
            schema_oids,
            relations_by_oid,
            functions_by_oid,
            descriptions: OnceLock::new(),
            relations,
            functions,
        }
    }

    pub fn schemas(&self) -> impl Iterator<Item = (&str, i64)> {
        self.schema_oids.iter().map(|(name, oid)| (name.as_str(), *oid))
    }

    pub fn schema_oid(&self, name: &str) -> Option<i64> {
        self.schema_oids.get(name).copied()
    }

    /// The number of a relation, PostgreSQL's own included.
    pub fn relation_oid(&self, schema: &str, name: &str) -> Option<i64> {
        let own = self.relation_oids.get(&format!("{schema}.{name}")).copied();
        own.or_else(|| facts::relation(schema, name).map(|found| found.oid))
    }

    pub fn function_oid(&self, schema: &str, name: &str) -> Option<i64> {
        self.function_oids.get(&format!("{schema}.{name}")).copied()
    }

    pub fn relation(&self, oid: i64) -> Option<&Relation> {
        self.relations_by_oid.get(&oid).map(|index| &self.relations[*index])
    }

    pub fn function(&self, oid: i64) -> Option<&Function> {
        self.functions_by_oid.get(&oid).map(|index| &self.functions[*index])
    }

    /// What is said of an object, or of one of its columns.
    pub fn description(&self, class: i64, oid: i64, part: i64) -> Option<&str> {
        let made = || {
            let all = super::rows::descriptions(self).into_iter();
            all.map(|(class, oid, part, words)| ((class, oid, part), words))
                .collect()
        };
        let all = self.descriptions.get_or_init(made);
        all.get(&(class, oid, part)).map(String::as_str)
    }

    /// Schema and name of a relation by its number.
    pub fn relation_name(&self, oid: i64) -> Option<(&str, &str)> {
        if let Some(relation) = self.relation(oid) {
            return Some((&relation.schema, &relation.name));
        }
        facts::relations()
            .find(|relation| relation.oid == oid)
            .map(|relation| (relation.schema, relation.name))
    }

    pub fn role_oid(&self, role: &str) -> i64 {
        if role == self.owner {
            return OWNER_OID;
        }
        let name = format!("role {role}");
        oids::assign([name.clone()]).get(&name).copied().unwrap_or(OWNER_OID)
    }
}

/// Whether names in this schema are found without it.
pub fn is_visible(schema: &str) -> bool {
    schema == "public" || schema == CATALOG_SCHEMA
}
