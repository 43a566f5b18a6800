//! Reading files to their last byte, to find those whose footer is fine but whose pages are not.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use chrono::Utc;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::physical_plan::ExecutionPlan;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
#[expect(deprecated, reason = "see its use")]
use parquet::arrow::async_reader::ParquetObjectReader;
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use parquet::file::metadata::PageIndexPolicy;

use super::snapshot::{Fingerprint, SourceFile, SourceProblem, SourceSnapshot};
use super::{PoisonError, Source};

/// Files decoded at the same time; decoding takes the processor, not the network.
const FILES_AT_ONCE: usize = 2;

impl Source {
    /// Decodes every file of the snapshot and returns those that cannot be. They are left out of the next
    /// [`Source::scan`] for as long as they do not change.
    pub async fn verify_all(&self, snapshot: &SourceSnapshot) -> Vec<SourceProblem> {
        let runtime = RuntimeEnv::default();
        runtime.register_object_store(self.url.as_ref(), self.object_store());
        let context = Arc::new(TaskContext::default().with_runtime(Arc::new(runtime)));
        let checks = snapshot
            .files
            .iter()
            .map(|served| self.verify(&served.file, Arc::clone(&context)));
        stream::iter(checks)
            .buffer_unordered(FILES_AT_ONCE)
            .filter_map(std::future::ready)
            .collect()
            .await
    }

    async fn verify(&self, file: &SourceFile, context: Arc<TaskContext>) -> Option<SourceProblem> {
        // The decoder panics on some damaged pages.
        let detail = match AssertUnwindSafe(self.decode(file, context)).catch_unwind().await {
            Ok(Ok(())) => return None,
            // The store failed, not the file: the next listing tells whether it is still there.
            Ok(Err(DataFusionError::ObjectStore(_))) => return None,
            Ok(Err(error)) => error.strip_backtrace().lines().next().unwrap_or_default().to_string(),
            Err(_) => "its pages are damaged".to_string(),
        };
        let problem = SourceProblem {
            file: Some(file.meta.location.to_string()),
            check_name: "unreadable_file",
            detail,
            rows_affected: None,
            noticed_at: Utc::now(),
        };
        let mut damaged = self.damaged.lock().unwrap_or_else(PoisonError::into_inner);
        damaged.insert(
            file.meta.location.clone(),
            (Fingerprint::of(&file.meta), problem.clone()),
        );
        Some(problem)
    }

    async fn decode(&self, file: &SourceFile, context: Arc<TaskContext>) -> Result<(), DataFusionError> {
        let source = ParquetSource::new(Arc::clone(&file.schema));
        let whole = PartitionedFile::new_from_meta(file.meta.clone()).with_arrow_schema(Arc::clone(&file.schema));
        let scan = FileScanConfigBuilder::new(self.url.clone(), Arc::new(source))
            .with_file(whole)
            .build();
        let mut batches = DataSourceExec::from_data_source(scan).execute(0, context)?;
        while batches.try_next().await?.is_some() {}
        self.read_indexes(file).await
    }

    /// What only filters read: the pages' bounds and the bloom filters.
    #[expect(deprecated, reason = "the engine's own readers cannot be asked for bloom filters")]
    async fn read_indexes(&self, file: &SourceFile) -> Result<(), DataFusionError> {
        let reader =
            ParquetObjectReader::new(self.object_store(), file.meta.location.clone()).with_file_size(file.meta.size);
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let mut opened = ParquetRecordBatchStreamBuilder::new_with_options(reader, options).await?;
        let (groups, columns) = (
            opened.metadata().num_row_groups(),
            opened.parquet_schema().num_columns(),
        );
        for (group, column) in (0..groups).flat_map(|group| (0..columns).map(move |column| (group, column))) {
            opened.get_row_group_column_bloom_filter(group, column).await?;
        }
        Ok(())
    }
}
