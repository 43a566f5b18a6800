//! The relations of one moment: base tables from the source and the views over them, as a catalog for the planner.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList, MemorySchemaProvider,
    SchemaProvider, TableProvider,
};

use super::{DATABASE, PUBLIC_SCHEMA, SYSTEM_SCHEMA};
use crate::catalog::{self, CATALOG_SCHEMA, Catalog, INFORMATION_SCHEMA};
use crate::error::Result;

/// Tables by name, in the two schemas that this server fills.
#[derive(Debug, Clone, Default)]
pub struct Relations {
    /// Schema `public`: the data.
    pub public: BTreeMap<String, Arc<dyn TableProvider>>,
    /// Schema `mission_control`: what the server says of itself.
    pub system: BTreeMap<String, Arc<dyn TableProvider>>,
    /// The names of the measures, in the order in which views list them.
    pub measures: Vec<String>,
    /// Windows from this time on (microseconds since 1970) may still change; `None` where none does.
    pub complete_before: Option<i64>,
    /// Tells these base tables from all others; what is computed of them is kept under it. `None` where nothing does.
    pub data_digest: Option<String>,
}

impl Relations {
    /// The relations as the planner finds them, beside PostgreSQL's catalog of them.
    pub(super) fn as_catalogs(&self, described: &Arc<Catalog>) -> Result<Arc<dyn CatalogProviderList>> {
        let database = MemoryCatalogProvider::new();
        database.register_schema(PUBLIC_SCHEMA, schema_of(&self.public)?)?;
        database.register_schema(SYSTEM_SCHEMA, schema_of(&self.system)?)?;
        for schema in [CATALOG_SCHEMA, INFORMATION_SCHEMA] {
            database.register_schema(schema, catalog::schema(schema, described))?;
        }
        let catalogs = MemoryCatalogProviderList::new();
        catalogs.register_catalog(DATABASE.to_string(), Arc::new(database));
        Ok(Arc::new(catalogs))
    }
}

fn schema_of(tables: &BTreeMap<String, Arc<dyn TableProvider>>) -> Result<Arc<dyn SchemaProvider>> {
    let schema = MemorySchemaProvider::new();
    for (name, table) in tables {
        schema.register_table(name.clone(), Arc::clone(table))?;
    }
    Ok(Arc::new(schema))
}
