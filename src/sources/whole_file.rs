//! One file of a web server that answers no requests for parts of a file: it is fetched whole and kept until it
//! changes.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::Mutex;

use super::snapshot::Fingerprint;

/// Reads through `inner`, which must serve a file as a whole. Nothing can be written.
#[derive(Debug)]
pub(super) struct WholeFile {
    inner: Arc<dyn ObjectStore>,
    kept: Mutex<Option<(Path, Fingerprint, Bytes)>>,
}

impl WholeFile {
    pub(super) fn new(inner: Arc<dyn ObjectStore>) -> Self {
        Self {
            inner,
            kept: Mutex::new(None),
        }
    }

    /// The bytes of the file as it is now, fetched only if it has changed.
    async fn bytes(&self, location: &Path) -> Result<(ObjectMeta, Bytes)> {
        let head = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        let meta = self.inner.get_opts(location, head).await?.meta;
        let fingerprint = Fingerprint::of(&meta);
        let mut kept = self.kept.lock().await;
        if let Some((path, print, bytes)) = kept.as_ref()
            && path == location
            && *print == fingerprint
        {
            return Ok((meta, bytes.clone()));
        }
        let bytes = self
            .inner
            .get_opts(location, GetOptions::default())
            .await?
            .bytes()
            .await?;
        *kept = Some((location.clone(), fingerprint, bytes.clone()));
        Ok((meta, bytes))
    }
}

impl fmt::Display for WholeFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "WholeFile({})", self.inner)
    }
}

fn read_only() -> object_store::Error {
    object_store::Error::NotSupported {
        source: "a web server's file is only read".into(),
    }
}

#[async_trait]
impl ObjectStore for WholeFile {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if options.head {
            return self.inner.get_opts(location, options).await;
        }
        let (meta, bytes) = self.bytes(location).await?;
        let length = bytes.len() as u64;
        let range: Range<u64> = match options.range {
            Some(range) => range.as_range(length).map_err(|error| object_store::Error::Generic {
                store: "WholeFile",
                source: Box::new(error),
            })?,
            None => 0..length,
        };
        let part = usize::try_from(range.start).unwrap_or(usize::MAX)..usize::try_from(range.end).unwrap_or(usize::MAX);
        let payload = GetResultPayload::Stream(stream::once(std::future::ready(Ok(bytes.slice(part)))).boxed());
        Ok(GetResult {
            payload,
            meta,
            range,
            attributes: object_store::Attributes::default(),
        })
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

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(read_only())
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test]
    async fn parts_are_cut_from_the_whole_and_a_change_is_noticed() {
        let inner = Arc::new(InMemory::new());
        let file = Path::from("a.parquet");
        inner.put(&file, "PAR1 first".into()).await.expect("written");
        let store = WholeFile::new(Arc::clone(&inner) as Arc<dyn ObjectStore>);
        assert_eq!(store.get_range(&file, 5..10).await.expect("a part"), "first");
        assert_eq!(store.head(&file).await.expect("known").size, 10);
        inner.put(&file, "PAR1 second".into()).await.expect("written");
        assert_eq!(store.get_range(&file, 5..11).await.expect("a part"), "second");
        assert_eq!(
            store.get(&file).await.expect("all").bytes().await.expect("bytes"),
            "PAR1 second"
        );
        store.put(&file, "x".into()).await.expect_err("only read");
    }
}
