//! Two stores under one root: what is only read keeps its paths, the managed table's files are in a folder of their own.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result,
};

/// The folder of the managed table's files. No file of a location has such a path: the part is not one that a listing
/// shows, because it begins with a dot.
pub(super) const MANAGED_FOLDER: &str = ".managed";

/// The store that a source reads from.
pub(super) fn join(read: Option<Arc<dyn ObjectStore>>, managed: Option<Arc<dyn ObjectStore>>) -> Arc<dyn ObjectStore> {
    match (read, managed) {
        (Some(read), None) => read,
        (read, managed) => Arc::new(JoinedStore {
            read: read.unwrap_or_else(|| Arc::new(object_store::memory::InMemory::new())),
            managed: managed.unwrap_or_else(|| Arc::new(object_store::memory::InMemory::new())),
        }),
    }
}

#[derive(Debug)]
struct JoinedStore {
    read: Arc<dyn ObjectStore>,
    managed: Arc<dyn ObjectStore>,
}

impl JoinedStore {
    /// The path inside the managed table, if it is one of its files.
    fn managed_path(location: &Path) -> Option<Path> {
        let inside = location.prefix_match(&Path::from(MANAGED_FOLDER))?;
        Some(Path::from_iter(inside))
    }
}

impl fmt::Display for JoinedStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "JoinedStore({}, {})", self.read, self.managed)
    }
}

fn read_only() -> object_store::Error {
    object_store::Error::NotSupported {
        source: "a source is only read".into(),
    }
}

#[async_trait]
impl ObjectStore for JoinedStore {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        match Self::managed_path(location) {
            Some(inside) => self.managed.get_opts(&inside, options).await,
            None => self.read.get_opts(location, options).await,
        }
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Err(read_only())
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(read_only())
    }

    fn delete_stream(&self, _: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        stream::once(std::future::ready(Err(read_only()))).boxed()
    }

    /// What is only read; the managed table's files are known from its log.
    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.read.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.read.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(read_only())
    }
}
