//! From a location as the user writes it to an object store that holds nothing but that location.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::http::HttpBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt, RetryConfig};
use url::Url;

use super::whole_file::WholeFile;
use crate::error::{Error, Result};

const KNOWN: &str =
    "a Parquet file or a folder of them: a local path, s3://, gs://, az:// or abfss:// folders, or one http(s):// file";

/// Every Parquet file begins with four known bytes; they serve to try whether parts of a file can be asked for.
const PARQUET_MAGIC_BYTES: u64 = 4;

/// A store whose root is the source's folder.
#[derive(Debug, Clone)]
pub(super) struct Location {
    /// As the user wrote it, for logs.
    pub shown: String,
    pub store: Arc<dyn ObjectStore>,
    /// The one file to read, if the location is not a folder.
    pub file: Option<Path>,
    /// The folder, where it is a local one.
    pub folder: Option<std::path::PathBuf>,
}

/// Opens a location without reading any rows.
pub(super) async fn open(location: &str, options: &BTreeMap<String, String>) -> Result<Location> {
    if location.is_empty() {
        return Err(Error::configuration("the source's location is empty").with_hint(format!("give {KNOWN}")));
    }
    match Url::parse(location) {
        // A single letter is a drive, not a scheme.
        Ok(url) if url.scheme().len() > 1 => open_url(location, &url, options).await,
        _ => open_local(location, std::path::Path::new(location), options),
    }
}

async fn open_url(location: &str, url: &Url, options: &BTreeMap<String, String>) -> Result<Location> {
    match url.scheme() {
        "file" => {
            let path = url.to_file_path();
            let path = path.map_err(|()| wrong(location, "a file:// location needs an absolute path"))?;
            open_local(location, &path, options)
        }
        "s3" | "s3a" => {
            let builder = configure(AmazonS3Builder::from_env(), options, AmazonS3Builder::with_config)?;
            let store = builder.with_url(location).with_retry(retries()).build();
            open_folder(
                location,
                url,
                store.map_err(|error| wrong(location, &error.to_string()))?,
            )
            .await
        }
        "gs" => {
            let builder = configure(
                GoogleCloudStorageBuilder::from_env(),
                options,
                GoogleCloudStorageBuilder::with_config,
            )?;
            let store = builder.with_url(location).with_retry(retries()).build();
            open_folder(
                location,
                url,
                store.map_err(|error| wrong(location, &error.to_string()))?,
            )
            .await
        }
        "az" | "adl" | "azure" | "abfs" | "abfss" => {
            let builder = configure(
                MicrosoftAzureBuilder::from_env(),
                options,
                MicrosoftAzureBuilder::with_config,
            )?;
            let store = builder.with_url(location).with_retry(retries()).build();
            open_folder(
                location,
                url,
                store.map_err(|error| wrong(location, &error.to_string()))?,
            )
            .await
        }
        "http" | "https" => open_http(location, url, options).await,
        other => {
            Err(Error::configuration(format!("a source cannot be at {other}://")).with_hint(format!("give {KNOWN}")))
        }
    }
}

fn open_local(location: &str, path: &std::path::Path, options: &BTreeMap<String, String>) -> Result<Location> {
    if let Some(name) = options.keys().next() {
        return Err(Error::configuration(format!("a local source has no option \"{name}\"")));
    }
    let readable = path.canonicalize().and_then(|path| Ok((path.metadata()?, path)));
    let (metadata, path) = readable.map_err(|error| {
        Error::configuration(format!("cannot read the source {location}"))
            .with_detail(error.kind().to_string())
            .with_hint("check the path, and that this user may read it")
    })?;
    let (root, file) = if metadata.is_dir() {
        (path.as_path(), None)
    } else {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| wrong(location, "its name is not UTF-8"))?;
        let file = Path::parse(name).map_err(|error| wrong(location, &error.to_string()))?;
        (path.parent().unwrap_or(&path), Some(file))
    };
    let store = LocalFileSystem::new_with_prefix(root).map_err(|error| wrong(location, &error.to_string()))?;
    Ok(Location {
        shown: location.to_string(),
        store: Arc::new(store),
        folder: file.is_none().then(|| path.clone()),
        file,
    })
}

/// A bucket's folder, or one file in it if that is what the location names.
async fn open_folder(location: &str, url: &Url, store: impl ObjectStore) -> Result<Location> {
    let path = Path::from_url_path(url.path()).map_err(|error| wrong(location, &error.to_string()))?;
    let names_file = path
        .filename()
        .is_some_and(|name| name.to_lowercase().ends_with(".parquet"));
    // A folder may be named like a file: many writers make `table.parquet/part-0.parquet`.
    let is_file = names_file && store.head(&path).await.is_ok();
    let file = path
        .filename()
        .filter(|_| is_file)
        .and_then(|name| Path::parse(name).ok());
    let root = match &file {
        Some(_) => path.parts().take(path.parts().count().saturating_sub(1)).collect(),
        None => path,
    };
    let store: Arc<dyn ObjectStore> = Arc::new(PrefixStore::new(store, root));
    Ok(Location {
        shown: location.to_string(),
        store,
        file,
        folder: None,
    })
}

/// One file of a web server, which cannot list folders.
async fn open_http(location: &str, url: &Url, options: &BTreeMap<String, String>) -> Result<Location> {
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong(location, "an http(s) location cannot have a query or a fragment"));
    }
    let (folder, name) = url.path().rsplit_once('/').unwrap_or(("", url.path()));
    if name.is_empty() {
        return Err(Error::configuration("a web server's folder cannot be listed")
            .with_hint("give the address of one Parquet file"));
    }
    let mut base = url.clone();
    base.set_path(folder);
    let client = ClientOptions::new().with_allow_http(url.scheme() == "http");
    let builder = HttpBuilder::new()
        .with_url(base)
        .with_retry(retries())
        .with_client_options(client);
    let builder = configure(builder, options, HttpBuilder::with_config)?;
    let store = builder.build().map_err(|error| wrong(location, &error.to_string()))?;
    let file = Path::from_url_path(name).map_err(|error| wrong(location, &error.to_string()))?;
    let store: Arc<dyn ObjectStore> = Arc::new(store);
    // Any other failure is told by the first look at the file.
    let store = match store.get_range(&file, 0..PARQUET_MAGIC_BYTES).await {
        Err(object_store::Error::NotSupported { .. }) => Arc::new(WholeFile::new(store)),
        _ => store,
    };
    Ok(Location {
        shown: location.to_string(),
        store,
        file: Some(file),
        folder: None,
    })
}

/// Applies `[source]` options, which have the names of the store's environment variables in lower case.
fn configure<Builder, Key: FromStr>(
    mut builder: Builder,
    options: &BTreeMap<String, String>,
    set: impl Fn(Builder, Key, String) -> Builder,
) -> Result<Builder> {
    for (name, value) in options {
        let key = name.parse().map_err(|_| {
            Error::configuration(format!("the source has no option \"{name}\""))
                .with_hint("options are named as the object store's environment variables, in lower case")
        })?;
        builder = set(builder, key, value.clone());
    }
    Ok(builder)
}

/// A wrong address should be noticed while the user still looks at the terminal.
fn retries() -> RetryConfig {
    RetryConfig {
        max_retries: 3,
        retry_timeout: Duration::from_secs(20),
        ..RetryConfig::default()
    }
}

fn wrong(location: &str, detail: &str) -> Error {
    Error::configuration(format!("cannot open the source {location}"))
        .with_detail(detail)
        .with_hint(format!("give {KNOWN}"))
}
