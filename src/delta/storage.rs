//! Where a table's files lie, with what object stores promise by themselves and local disks do not: a file is there
//! whole or not at all, the first writer of a name wins, and what has been written survives the machine.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path as LocalPath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use ring::rand::{SecureRandom, SystemRandom};

use crate::error::{Error, ErrorKind, Result};

/// A table's folder.
#[derive(Debug, Clone)]
pub struct Storage {
    objects: Arc<dyn ObjectStore>,
    /// The same folder on a local disk, where it is one.
    folder: Option<PathBuf>,
}

/// Why a file was not written.
#[derive(Debug)]
pub enum WriteError {
    /// Somebody else has written a file of this name.
    Exists,
    /// The store failed; the file may be there all the same.
    Failed(Error),
}

impl Storage {
    /// A store whose root is the table's folder.
    pub fn of_objects(objects: Arc<dyn ObjectStore>) -> Self {
        Self { objects, folder: None }
    }

    /// A local folder, seen through a store whose root it is. Files are written past the store, which does not wait
    /// for the disk.
    pub fn of_folder(objects: Arc<dyn ObjectStore>, folder: PathBuf) -> Self {
        Self {
            objects,
            folder: Some(folder),
        }
    }

    /// A folder inside this one.
    pub fn below(&self, name: &str) -> Self {
        Self {
            objects: Arc::new(PrefixStore::new(Arc::clone(&self.objects), name)),
            folder: self.folder.as_ref().map(|folder| folder.join(name)),
        }
    }

    pub fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.objects
    }

    /// The local folder, if the table is in one.
    pub fn folder(&self) -> Option<&LocalPath> {
        self.folder.as_deref()
    }

    /// Writes a file that must not be there yet. When this returns, it survives the machine.
    pub async fn create(&self, path: &Path, content: Bytes) -> Result<(), WriteError> {
        self.write(path, content, PutMode::Create).await
    }

    /// Writes a file, in place of the one that is there.
    pub async fn replace(&self, path: &Path, content: Bytes) -> Result<()> {
        match self.write(path, content, PutMode::Overwrite).await {
            Ok(()) => Ok(()),
            Err(WriteError::Failed(error)) => Err(error),
            Err(WriteError::Exists) => Err(Error::internal("a file that is replaced cannot be in the way")),
        }
    }

    async fn write(&self, path: &Path, content: Bytes, mode: PutMode) -> Result<(), WriteError> {
        if let Some(folder) = &self.folder {
            let target = folder.join(path.as_ref());
            let new = matches!(mode, PutMode::Create);
            let written = tokio::task::spawn_blocking(move || write_through(&target, &content, new)).await;
            return match written {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) if error.kind() == io::ErrorKind::AlreadyExists => Err(WriteError::Exists),
                Ok(Err(error)) => Err(WriteError::Failed(cannot_write(error.kind()))),
                Err(_) => Err(WriteError::Failed(Error::internal(
                    "writing a file stopped unexpectedly",
                ))),
            };
        }
        let options = PutOptions {
            mode,
            ..PutOptions::default()
        };
        match self.objects.put_opts(path, PutPayload::from(content), options).await {
            Ok(_) => Ok(()),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                Err(WriteError::Exists)
            }
            Err(error) => {
                tracing::warn!(%error, "the managed table's store failed");
                Err(WriteError::Failed(cannot_write(io::ErrorKind::Other)))
            }
        }
    }

    /// A whole file; `None` where there is none.
    pub async fn read(&self, path: &Path) -> Result<Option<Bytes>> {
        let got = async { self.objects.get(path).await?.bytes().await };
        match got.await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(cannot_read(&error)),
        }
    }

    /// Every file below a folder.
    pub async fn list(&self, folder: Option<&Path>) -> Result<Vec<ObjectMeta>> {
        let listed: Result<Vec<_>, _> = self.objects.list(folder).try_collect().await;
        match listed {
            Err(object_store::Error::NotFound { .. }) => Ok(vec![]),
            other => other.map_err(|error| cannot_read(&error)),
        }
    }

    /// Deletes a file; one that is not there is no error.
    pub async fn delete(&self, path: &Path) -> Result<()> {
        match self.objects.delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(cannot_read(&error)),
        }
    }
}

fn cannot_read(error: &object_store::Error) -> Error {
    tracing::warn!(%error, "a delta table's store failed");
    Error::new(ErrorKind::Io, "the delta table cannot be read").with_hint("the server's log says which file and why")
}

fn cannot_write(kind: io::ErrorKind) -> Error {
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Error::new(ErrorKind::DiskFull, "no space left for the managed table")
                .with_hint("nothing of this batch was kept; send it again once there is room")
        }
        other => Error::new(ErrorKind::Io, format!("the managed table cannot be written: {other}"))
            .with_hint("nothing of this batch was acknowledged; send it again with the same idempotency key"),
    }
}

/// Writes beside the target, waits for the disk, and gives the file its name; then waits for the folder too.
fn write_through(target: &LocalPath, content: &[u8], new: bool) -> io::Result<()> {
    let folder = target.parent().ok_or(io::ErrorKind::InvalidInput)?;
    make_folders(folder)?;
    let name = target.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let partial = folder.join(format!(".{name}.{}.partial", random_name()));
    let written = write_synced(&partial, content).and_then(|()| {
        if new {
            fs::hard_link(&partial, target)
        } else {
            fs::rename(&partial, target)
        }
    });
    if new || written.is_err() {
        let _ = fs::remove_file(&partial);
    }
    written?;
    File::open(folder)?.sync_all()
}

fn write_synced(path: &LocalPath, content: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// A new folder survives the machine only when the one that holds it has been written.
fn make_folders(folder: &LocalPath) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().ok_or(io::ErrorKind::InvalidInput)?;
    make_folders(parent)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    File::open(parent)?.sync_all()
}

/// 128 random bits in hexadecimal digits.
pub fn random_name() -> String {
    let mut bytes = [0u8; 16];
    if SystemRandom::new().fill(&mut bytes).is_err() {
        // Names must differ, and the time and the process do in all but the rarest cases.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let nanoseconds = now.map_or(0, |now| now.as_nanos());
        bytes = (nanoseconds ^ (u128::from(std::process::id()) << 96)).to_be_bytes();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
