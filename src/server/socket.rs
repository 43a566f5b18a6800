//! The Unix-domain socket of the PostgreSQL protocol: a file that is made at the start and removed at the end.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

use crate::error::{Error, Result};

/// A socket's file, removed with the value.
#[derive(Debug)]
pub struct SocketFile(PathBuf);

impl SocketFile {
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Nothing can be done about a file that cannot be removed; the next start replaces it.
        let _ = fs::remove_file(&self.0);
    }
}

/// Listens in a folder under the name that PostgreSQL's clients look for.
pub fn bind(folder: &Path, port: u16) -> Result<(UnixListener, SocketFile)> {
    let path = folder.join(format!(".s.PGSQL.{port}"));
    let cannot = |reason: String| {
        Error::configuration(format!(
            "postgres.socket: cannot listen on {}: {reason}",
            path.display()
        ))
        .with_hint("postgres.socket names a folder that exists and in which this user may make files")
    };
    remove_stale(&path).map_err(&cannot)?;
    let listener = UnixListener::bind(&path).map_err(|error| cannot(error.to_string()))?;
    let file = SocketFile(path.clone());
    // As PostgreSQL has it: who may enter the folder may connect, and is asked who they are like everybody.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).map_err(|error| cannot(error.to_string()))?;
    Ok((listener, file))
}

/// Removes what a server left behind that did not end in good order. A socket on which somebody listens stays.
fn remove_stale(path: &Path) -> Result<(), String> {
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.to_string()),
        Ok(metadata) => metadata,
    };
    if !metadata.file_type().is_socket() {
        return Err("there is a file of that name that is no socket".to_string());
    }
    if UnixStream::connect(path).is_ok() {
        return Err("another program listens there".to_string());
    }
    fs::remove_file(path).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stale_file_is_replaced_and_a_live_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".s.PGSQL.7432");
        let (listener, file) = bind(folder.path(), 7432).unwrap();
        assert_eq!(file.path(), path);
        assert!(bind(folder.path(), 7432).is_err(), "somebody listens");
        drop(file);
        assert!(!path.exists(), "removed at the end");
        drop(listener);
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "left behind");
        let (_listener, file) = bind(folder.path(), 7432).unwrap();
        assert!(UnixStream::connect(file.path()).is_ok());
        fs::write(folder.path().join(".s.PGSQL.1"), "not a socket").unwrap();
        assert!(bind(folder.path(), 1).is_err());
        assert!(bind(Path::new("/nowhere"), 7432).is_err());
    }
}
