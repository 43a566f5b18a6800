//! `mission_control.quarantine`: rows that were sent to the managed table and could not be taken, as of the moment in
//! which a statement looks.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use chrono::DateTime;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use object_store::ObjectMeta;
use object_store::path::Path;

use crate::managed::{ManagedTable, quarantine_schema};

/// Under this URL the quarantine's files are registered.
const STORE: &str = "quarantine://rows/";

/// The bad rows of all batches.
#[derive(Debug)]
pub struct QuarantineTable {
    managed: Arc<ManagedTable>,
    schema: SchemaRef,
}

impl QuarantineTable {
    pub fn new(managed: Arc<ManagedTable>) -> Self {
        Self {
            managed,
            schema: quarantine_schema(),
        }
    }
}

#[async_trait]
impl TableProvider for QuarantineTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(log) = self.managed.quarantine().log().await else {
            let projected = datafusion::physical_plan::project_schema(&self.schema, projection)?;
            return Ok(Arc::new(EmptyExec::new(projected)));
        };
        let store = ObjectStoreUrl::parse(STORE)?;
        state
            .runtime_env()
            .register_object_store(store.as_ref(), Arc::clone(log.storage().objects()));
        let table = log.state();
        let files = table.files.values().filter_map(|file| {
            Some(PartitionedFile::new_from_meta(ObjectMeta {
                location: Path::from_url_path(&file.path).ok()?,
                last_modified: DateTime::from_timestamp_millis(file.modification_time)?,
                size: u64::try_from(file.size).ok()?,
                e_tag: None,
                version: None,
            }))
        });
        let scan = FileScanConfigBuilder::new(store, Arc::new(ParquetSource::new(Arc::clone(&self.schema))))
            .with_file_groups(vec![FileGroup::new(files.collect())])
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(scan))
    }
}
