//! `error_aggregates`: one row per source row, every source column under its own name, and the standard columns beside
//! them. Reads only the files, row groups and pages that a query's filters leave.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, UInt64Array};
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{Column, ColumnStatistics, DFSchema, Result, ScalarValue, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;

use crate::sources::{NormalisingAdapterFactory, ServedFile, Source, SourceSnapshot};

/// The table over one snapshot of a source; a later snapshot is another table.
#[derive(Debug)]
pub struct ErrorAggregatesTable {
    snapshot: Arc<SourceSnapshot>,
    store: ObjectStoreUrl,
}

impl ErrorAggregatesTable {
    /// The source's object store must be registered under its URL in the runtime that runs the queries.
    pub fn new(source: &Source, snapshot: Arc<SourceSnapshot>) -> Self {
        Self {
            snapshot,
            store: source.object_store_url().clone(),
        }
    }

    pub fn snapshot(&self) -> &Arc<SourceSnapshot> {
        &self.snapshot
    }

    /// The files that may hold rows of interest.
    fn prune(&self, predicate: Option<&Arc<dyn PhysicalExpr>>) -> Result<Vec<&ServedFile>> {
        let files = &self.snapshot.files;
        let Some(predicate) = predicate else {
            return Ok(files.iter().collect());
        };
        let pruning = PruningPredicateBuilder::new()
            .with_file_schema(self.schema())
            .build(Arc::clone(predicate));
        let Some(pruning) = pruning else {
            return Ok(files.iter().collect());
        };
        let kept = pruning.prune(&FileBounds {
            files,
            schema: &self.snapshot.table_schema,
        })?;
        Ok(files
            .iter()
            .zip(kept)
            .filter_map(|(file, kept)| kept.then_some(file))
            .collect())
    }

    fn file_groups(&self, files: &[&ServedFile], target_partitions: usize) -> Result<Vec<FileGroup>> {
        let partitioned = files.iter().map(|served| {
            PartitionedFile::new_from_meta(served.file.meta.clone())
                .with_arrow_schema(Arc::clone(&served.file.schema))
                .with_statistics(Arc::clone(&served.statistics))
        });
        let groups = FileGroup::new(partitioned.collect()).split_files(target_partitions.max(1));
        groups.into_iter().map(|group| self.with_statistics(group)).collect()
    }

    fn with_statistics(&self, group: FileGroup) -> Result<FileGroup> {
        let known = group.iter().filter_map(|file| file.statistics.as_deref());
        let merged = Statistics::try_merge_iter(known, &self.snapshot.table_schema)?;
        Ok(group.with_statistics(Arc::new(merged)))
    }
}

#[async_trait]
impl TableProvider for ErrorAggregatesTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.snapshot.table_schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // Files and row groups are excluded by what is known of them; which rows match is decided above the scan.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    fn statistics(&self) -> Option<Statistics> {
        let known = self.snapshot.files.iter().map(|served| served.statistics.as_ref());
        Statistics::try_merge_iter(known, &self.snapshot.table_schema).ok()
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.schema();
        let predicate = match conjunction(filters.to_vec()) {
            Some(filter) => {
                let columns = DFSchema::try_from(Arc::clone(&schema))?;
                Some(state.create_physical_expr(filter, &columns)?)
            }
            None => None,
        };
        let files = self.prune(predicate.as_ref())?;
        if files.is_empty() {
            let projected = datafusion::physical_plan::project_schema(&schema, projection)?;
            return Ok(Arc::new(EmptyExec::new(projected)));
        }
        let statistics = files.iter().map(|served| served.statistics.as_ref());
        let statistics = Statistics::try_merge_iter(statistics, &schema)?;
        let plans = files
            .iter()
            .map(|served| (served.file.meta.location.to_string(), Arc::clone(&served.file.plan)));
        let adapters = NormalisingAdapterFactory::new(plans.collect::<HashMap<_, _>>());

        let store = state.runtime_env().object_store(&self.store)?;
        let footers = state.runtime_env().cache_manager.get_file_metadata_cache();
        let mut source = ParquetSource::new(Arc::clone(&schema))
            .with_table_parquet_options(state.table_options().parquet.clone())
            .with_parquet_file_reader_factory(Arc::new(CachedParquetFileReaderFactory::new(store, footers)));
        if let Some(predicate) = predicate {
            source = source.with_predicate(predicate);
        }
        let groups = self.file_groups(&files, state.config().target_partitions())?;
        let scan = FileScanConfigBuilder::new(self.store.clone(), Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .with_expr_adapter(Some(Arc::new(adapters)))
            .build();
        Ok(DataSourceExec::from_data_source(scan))
    }
}

/// The files' bounds for pruning: a bound that is not reached (a cut text) excludes as well as one that is.
struct FileBounds<'a> {
    files: &'a [ServedFile],
    schema: &'a SchemaRef,
}

impl FileBounds<'_> {
    fn bounds(
        &self,
        column: &Column,
        bound: impl Fn(&ColumnStatistics) -> &Precision<ScalarValue>,
    ) -> Option<ArrayRef> {
        let index = self.schema.index_of(column.name()).ok()?;
        let unknown = ScalarValue::try_new_null(self.schema.field(index).data_type()).ok()?;
        let values = self.files.iter().map(|served| {
            let known = served.statistics.column_statistics.get(index).map(&bound);
            known
                .and_then(Precision::get_value)
                .cloned()
                .unwrap_or_else(|| unknown.clone())
        });
        ScalarValue::iter_to_array(values).ok()
    }
}

impl PruningStatistics for FileBounds<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(column, |statistics| &statistics.min_value)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(column, |statistics| &statistics.max_value)
    }

    fn num_containers(&self) -> usize {
        self.files.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let index = self.schema.index_of(column.name()).ok()?;
        let counts: UInt64Array = self
            .files
            .iter()
            .map(
                |served| match served.statistics.column_statistics.get(index)?.null_count {
                    Precision::Exact(count) => Some(count as u64),
                    _ => None,
                },
            )
            .collect();
        Some(Arc::new(counts))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(
            self.files
                .iter()
                .map(|served| Some(served.file.rows as u64))
                .collect::<UInt64Array>(),
        ))
    }

    fn contained(&self, _: &Column, _: &std::collections::HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
