//! The rows of stored views in a folder, so that a start over the same data reads what an earlier one has computed.
//!
//! A file's name holds a digest of everything that its rows follow from: the program, the source's files, what the
//! configuration says, and the text of every view. Where any of it differs there is no such file, and the rows are
//! computed. Nothing depends on these files: whatever is wrong with one, the rows are computed again.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use ring::digest::{Context, SHA256, SHA256_OUTPUT_LEN, digest};

/// How many versions of a view's rows stay; servers of different configurations may share a folder.
const VERSIONS: usize = 4;

/// What went wrong with a file; told in the log alone.
type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// The folder of one set of relations.
#[derive(Debug, Clone)]
pub struct KeptRows {
    folder: PathBuf,
    digest: String,
}

impl KeptRows {
    /// For rows that follow from `inputs` and this program. `None` where the folder cannot be used, which is logged.
    pub fn open(folder: &Path, inputs: &[&str]) -> Option<Self> {
        let opened = fs::create_dir_all(folder).and_then(|()| program());
        match opened {
            Ok(program) => Some(Self {
                folder: folder.to_path_buf(),
                digest: digest_of(&[&[program.as_str()], inputs].concat()),
            }),
            Err(error) => {
                tracing::warn!(%error, "computed rows cannot be kept");
                None
            }
        }
    }

    /// Where the rows of one view are.
    pub fn of_view(&self, view: &'static str) -> KeptView {
        KeptView {
            view,
            folder: self.folder.clone(),
            file: self.folder.join(format!("{view}-{}", self.digest)),
        }
    }
}

/// This build of the program: another one may compute other rows.
fn program() -> std::io::Result<String> {
    let metadata = fs::metadata(std::env::current_exe()?)?;
    Ok(format!("{} {:?}", metadata.len(), metadata.modified()?))
}

/// A digest of texts and of where each of them ends.
pub fn digest_of(texts: &[impl AsRef<str>]) -> String {
    let mut context = Context::new(&SHA256);
    for text in texts {
        let text = text.as_ref();
        context.update(&text.len().to_le_bytes());
        context.update(text.as_bytes());
    }
    let bytes = context.finish();
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The file of one view's rows: a digest of the rest, and the rest is Parquet.
#[derive(Debug, Clone)]
pub struct KeptView {
    view: &'static str,
    folder: PathBuf,
    file: PathBuf,
}

impl KeptView {
    /// The rows, where they are there and whole.
    pub async fn load(&self, schema: &SchemaRef) -> Option<Vec<RecordBatch>> {
        let (kept, schema) = (self.clone(), Arc::clone(schema));
        let read = tokio::task::spawn_blocking(move || kept.read(&schema)).await.ok()?;
        read.inspect_err(|error| tracing::warn!(view = self.view, %error, "kept rows are computed again"))
            .ok()?
    }

    /// Keeps the rows. Where that fails they will be computed again.
    pub async fn save(&self, schema: &SchemaRef, rows: &[RecordBatch]) {
        let (kept, schema, rows) = (self.clone(), Arc::clone(schema), rows.to_vec());
        let written = tokio::task::spawn_blocking(move || kept.write(schema, &rows)).await;
        if let Ok(Err(error)) = written {
            tracing::warn!(view = self.view, %error, "computed rows could not be kept");
        }
    }

    fn read(&self, schema: &SchemaRef) -> Result<Option<Vec<RecordBatch>>, Trouble> {
        let content = match fs::read(&self.file) {
            Ok(content) => Bytes::from(content),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if content.len() < SHA256_OUTPUT_LEN {
            return Err("the file is cut off".into());
        }
        let rows = content.slice(SHA256_OUTPUT_LEN..);
        if digest(&SHA256, &rows).as_ref() != &content[..SHA256_OUTPUT_LEN] {
            return Err("the file is damaged".into());
        }
        let batches = ParquetRecordBatchReaderBuilder::try_new(rows)?.build()?;
        let typed = batches.map(|batch| {
            let batch = RecordBatch::try_new(Arc::clone(schema), batch?.columns().to_vec())?;
            Ok::<_, Trouble>(batch)
        });
        typed.collect::<Result<Vec<_>, _>>().map(Some)
    }

    fn write(&self, schema: SchemaRef, rows: &[RecordBatch]) -> Result<(), Trouble> {
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let mut writer = ArrowWriter::try_new(vec![], schema, Some(properties))?;
        for batch in rows {
            writer.write(batch)?;
        }
        let content = writer.into_inner()?;
        // Never half a file under the name that is read, however many processes write it.
        let unfinished = self.file.with_added_extension(std::process::id().to_string());
        let mut file = File::create(&unfinished)?;
        file.write_all(digest(&SHA256, &content).as_ref())?;
        file.write_all(&content)?;
        fs::rename(&unfinished, &self.file)?;
        self.remove_old_versions()
    }

    fn remove_old_versions(&self) -> Result<(), Trouble> {
        let prefix = format!("{}-", self.view);
        let mut versions: Vec<(SystemTime, PathBuf)> = fs::read_dir(&self.folder)?
            .filter_map(Result::ok)
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        versions.sort_unstable_by(|left, right| right.cmp(left));
        for (_, old) in versions.into_iter().skip(VERSIONS) {
            fs::remove_file(old)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringViewArray};

    use super::*;

    fn rows() -> RecordBatch {
        RecordBatch::try_from_iter([
            (
                "version",
                Arc::new(StringViewArray::from(vec![
                    "60.0b7",
                    "a version of more than twelve letters",
                ])) as _,
            ),
            ("events", Arc::new(Int64Array::from(vec![Some(1), None])) as _),
        ])
        .unwrap()
    }

    #[tokio::test]
    async fn rows_come_back_as_they_were_for_the_same_inputs_alone() {
        let folder = tempfile::tempdir().unwrap();
        let kept = KeptRows::open(folder.path(), &["data", "settings"])
            .unwrap()
            .of_view("looks");
        let schema = rows().schema();
        assert_eq!(kept.load(&schema).await, None);
        kept.save(&schema, &[rows()]).await;
        assert_eq!(kept.load(&schema).await, Some(vec![rows()]));
        for others in [["data", "other settings"], ["dat", "asettings"]] {
            let other = KeptRows::open(folder.path(), &others).unwrap().of_view("looks");
            assert_eq!(other.load(&schema).await, None);
        }
        let other = KeptRows::open(folder.path(), &["data", "settings"])
            .unwrap()
            .of_view("hours");
        assert_eq!(other.load(&schema).await, None);
    }

    #[tokio::test]
    async fn a_damaged_file_counts_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let kept = KeptRows::open(folder.path(), &["data"]).unwrap().of_view("looks");
        let schema = rows().schema();
        kept.save(&schema, &[rows()]).await;
        let whole = fs::read(&kept.file).unwrap();
        for position in [0, SHA256_OUTPUT_LEN, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[position] ^= 1;
            fs::write(&kept.file, damaged).unwrap();
            assert_eq!(kept.load(&schema).await, None, "byte {position}");
        }
        for length in [0, 31, 32, whole.len() / 2] {
            fs::write(&kept.file, &whole[..length]).unwrap();
            assert_eq!(kept.load(&schema).await, None, "{length} bytes");
        }
        fs::write(&kept.file, whole).unwrap();
        assert_eq!(kept.load(&schema).await, Some(vec![rows()]));
    }

    #[tokio::test]
    async fn few_versions_stay() {
        let folder = tempfile::tempdir().unwrap();
        let schema = rows().schema();
        let names: Vec<String> = (0..10).map(|number| number.to_string()).collect();
        for name in &names {
            let kept = KeptRows::open(folder.path(), &[name.as_str()])
                .unwrap()
                .of_view("looks");
            kept.save(&schema, &[rows()]).await;
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), VERSIONS);
    }
}
