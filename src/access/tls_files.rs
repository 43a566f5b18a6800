//! Which files hold the server's certificate, and how to see that they have changed.

use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

/// Where the certificate lies, and what is asked of clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those that lead to the authority, PEM.
    pub certificate: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
    /// Authorities whose certificates clients may show.
    pub client_ca: Option<PathBuf>,
    /// Whether clients must show one.
    pub require_client_certificate: bool,
}

/// When each file was changed last, and its size.
pub type Fingerprint = Vec<Option<(SystemTime, u64)>>;

impl TlsFiles {
    /// Changes whenever one of the files does.
    pub fn fingerprint(&self) -> Fingerprint {
        let files = [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()];
        files
            .into_iter()
            .flatten()
            .map(|path| {
                let metadata = fs::metadata(path).ok()?;
                Some((metadata.modified().ok()?, metadata.len()))
            })
            .collect()
    }
}
