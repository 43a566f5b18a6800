//! The catalog's relations as tables of the engine. Rows are made when a relation is first read, and kept as long as
//! the relations of the server stay as they are; what depends on the session is made for each read.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{MemTable, SchemaProvider, Session, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::builder::{self, schema_of};
use super::facts::{self, RelationFacts};
use super::live::{Catalog, SessionFacts};
use super::rows;

#[derive(Debug)]
struct CatalogTable {
    facts: &'static RelationFacts,
    schema: SchemaRef,
    catalog: Arc<Catalog>,
    kept: OnceLock<RecordBatch>,
}

impl CatalogTable {
    fn rows(&self, session: &dyn Session) -> Result<RecordBatch> {
        if let Some(rows) = self.kept.get() {
            return Ok(rows.clone());
        }
        let asking = session.config().get_extension::<SessionFacts>().unwrap_or_default();
        let made = rows::rows_of(self.facts, &self.catalog, &asking);
        let batch = builder::build(self.facts, &made.rows)?;
        if !made.of_session {
            let _ = self.kept.set(batch.clone());
        }
        Ok(batch)
    }
}

#[async_trait]
impl TableProvider for CatalogTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        if self.facts.kind == "v" {
            TableType::View
        } else {
            TableType::Base
        }
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rows = self.rows(state)?;
        MemTable::try_new(self.schema(), vec![vec![rows]])?
            .scan(state, projection, filters, limit)
            .await
    }
}

/// The relations of one of the catalog's schemas.
#[derive(Debug)]
struct CatalogSchema {
    tables: BTreeMap<&'static str, Arc<CatalogTable>>,
}

#[async_trait]
impl SchemaProvider for CatalogSchema {
    fn table_names(&self) -> Vec<String> {
        self.tables.keys().map(ToString::to_string).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let found = self.tables.get(name).map(Arc::clone);
        Ok(found.map(|table| table as Arc<dyn TableProvider>))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.tables.contains_key(name)
    }
}

/// `pg_catalog` or `information_schema`, over what the catalog knows of this server.
pub fn schema(name: &str, catalog: &Arc<Catalog>) -> Arc<dyn SchemaProvider> {
    let tables = facts::relations()
        .filter(|relation| relation.schema == name)
        .map(|relation| {
            let table = CatalogTable {
                facts: relation,
                schema: schema_of(relation),
                catalog: Arc::clone(catalog),
                kept: OnceLock::new(),
            };
            (relation.name, Arc::new(table))
        })
        .collect();
    Arc::new(CatalogSchema { tables })
}
