//! The files of a Delta table as a source lists them: those that the log says are part of it.

use std::collections::BTreeMap;

use chrono::DateTime;
use object_store::ObjectMeta;
use object_store::path::Path;

use crate::delta::DeltaLog;

/// A file that may hold rows.
#[derive(Debug, Clone)]
pub(super) struct DataFile {
    pub meta: ObjectMeta,
    /// The columns that the table's log gives the file; `None` where its folders' names do.
    pub partition: Option<BTreeMap<String, Option<String>>>,
}

impl DataFile {
    /// A file that was found by looking for it.
    pub fn plain(meta: ObjectMeta) -> Self {
        Self { meta, partition: None }
    }
}

/// The table's files, below `folder` where one is given, sorted by path.
pub(super) fn of(log: &DeltaLog, folder: Option<&str>) -> Vec<DataFile> {
    let state = log.state();
    let mut files: Vec<DataFile> = state
        .files
        .values()
        .filter_map(|file| {
            let path = Path::from_url_path(&file.path).ok()?;
            let location = match folder {
                Some(folder) => Path::from_iter(std::iter::once(folder.into()).chain(path.parts())),
                None => path,
            };
            let partition = file.partition_values.iter();
            Some(DataFile {
                meta: ObjectMeta {
                    location,
                    last_modified: DateTime::from_timestamp_millis(file.modification_time).unwrap_or_default(),
                    size: u64::try_from(file.size).unwrap_or_default(),
                    e_tag: None,
                    version: None,
                },
                partition: Some(partition.map(|(name, value)| (name.clone(), value.clone())).collect()),
            })
        })
        .collect();
    files.sort_unstable_by(|left, right| left.meta.location.cmp(&right.meta.location));
    files
}
