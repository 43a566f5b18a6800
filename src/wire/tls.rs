//! TLS for every listener: certificates loaded at the start and again whenever their files change, and the decision
//! whether a connection may do without.

use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ring::digest;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring as provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;
use x509_certificate::{SignatureAlgorithm, X509Certificate};

use super::stream::Stream;
use crate::access::TlsFiles;
use crate::error::{Error, Result};

/// How long a client may take for the handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The first byte of a TLS handshake; none of our protocols begins with it.
const HANDSHAKE_BYTE: u8 = 0x16;

/// The protocol that is spoken inside, as the handshake may name it.
#[derive(Debug, Clone, Copy)]
pub enum Inside {
    Postgres,
    Flight,
    Http,
}

/// One certificate, ready for every protocol.
pub struct Certificate {
    postgres: Arc<ServerConfig>,
    flight: Arc<ServerConfig>,
    http: Arc<ServerConfig>,
    /// What SCRAM binds a channel to (RFC 5929, tls-server-end-point); none where the RFC does not say what it is.
    pub end_point: Option<Vec<u8>>,
}

impl Certificate {
    /// Reads and checks the files.
    pub fn load(files: &TlsFiles) -> Result<Self> {
        let chain = certificates(&files.certificate, "tls.certificate")?;
        let key = PrivateKeyDer::from_pem_file(&files.key)
            .map_err(|error| unreadable("tls.key", &files.key, &error, "a private key in PEM form"))?;
        let end_point = chain.first().and_then(|first| end_point(first));
        let provider = Arc::new(provider::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::internal(format!("tls: {error}")))?;
        let builder = match &files.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for authority in certificates(path, "tls.client_ca")? {
                    roots
                        .add(authority)
                        .map_err(|error| Error::configuration(format!("tls.client_ca: {}: {error}", path.display())))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                let verifier = if files.require_client_certificate {
                    verifier
                } else {
                    verifier.allow_unauthenticated()
                };
                builder.with_client_cert_verifier(
                    verifier
                        .build()
                        .map_err(|error| Error::configuration(format!("tls.client_ca: {error}")))?,
                )
            }
        };
        let config = builder.with_single_cert(chain, key).map_err(|error| {
            Error::configuration(format!(
                "tls: the certificate {} and the key {} cannot be used: {error}",
                files.certificate.display(),
                files.key.display()
            ))
            .with_hint("the key must be the certificate's own")
        })?;
        let speaking = |names: &[&[u8]]| {
            let mut config = config.clone();
            config.alpn_protocols = names.iter().map(|name| name.to_vec()).collect();
            Arc::new(config)
        };
        Ok(Self {
            postgres: speaking(&[]),
            flight: speaking(&[b"h2"]),
            http: speaking(&[b"http/1.1"]),
            end_point,
        })
    }

    /// Shakes hands with a client.
    pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        inside: Inside,
        transport: S,
    ) -> io::Result<TlsStream<S>> {
        let config = match inside {
            Inside::Postgres => &self.postgres,
            Inside::Flight => &self.flight,
            Inside::Http => &self.http,
        };
        let handshake = TlsAcceptor::from(Arc::clone(config)).accept(transport);
        tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await?
    }
}

fn certificates(path: &Path, setting: &str) -> Result<Vec<CertificateDer<'static>>> {
    const WANTED: &str = "certificates in PEM form";
    let all: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable(setting, path, &error, WANTED));
    let all = all?;
    if all.is_empty() {
        let message = format!("{setting}: {} holds no certificate", path.display());
        return Err(Error::configuration(message).with_hint(format!("the file must hold {WANTED}")));
    }
    Ok(all)
}

fn unreadable(setting: &str, path: &Path, error: &tokio_rustls::rustls::pki_types::pem::Error, wanted: &str) -> Error {
    use tokio_rustls::rustls::pki_types::pem::Error as Pem;
    let reason = match error {
        Pem::Io(error) if error.kind() == io::ErrorKind::NotFound => "there is no such file".to_string(),
        Pem::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => "permission denied".to_string(),
        Pem::Io(error) => error.to_string(),
        Pem::NoItemsFound => "nothing of the kind is in it".to_string(),
        other => format!("{other:?}"),
    };
    Error::configuration(format!("{setting}: cannot read {}: {reason}", path.display()))
        .with_hint(format!("the file must hold {wanted}"))
}

/// The certificate's hash by the hash of its own signature, but at least SHA-256.
fn end_point(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let parsed = X509Certificate::from_der(certificate.as_ref()).ok()?;
    let algorithm = match parsed.signature_algorithm()? {
        SignatureAlgorithm::RsaSha1 | SignatureAlgorithm::RsaSha256 | SignatureAlgorithm::EcdsaSha256 => {
            &digest::SHA256
        }
        SignatureAlgorithm::RsaSha384 | SignatureAlgorithm::EcdsaSha384 => &digest::SHA384,
        SignatureAlgorithm::RsaSha512 => &digest::SHA512,
        _ => return None,
    };
    Some(digest::digest(algorithm, certificate.as_ref()).as_ref().to_vec())
}

/// The certificate of the moment.
pub struct Tls(RwLock<Arc<Certificate>>);

impl Tls {
    pub fn new(certificate: Certificate) -> Arc<Self> {
        Arc::new(Self(RwLock::new(Arc::new(certificate))))
    }

    pub fn current(&self) -> Arc<Certificate> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// For connections from now on.
    pub fn replace(&self, certificate: Certificate) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certificate);
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Tls(…)")
    }
}

/// What a listener offers and asks for.
#[derive(Debug, Clone, Default)]
pub struct Security {
    pub tls: Option<Arc<Tls>>,
    /// Whether connections without TLS are refused.
    pub tls_required: bool,
}

impl Security {
    /// A connection of a protocol that begins with TLS or without, as the client chooses and the listener allows.
    pub async fn accept(&self, inside: Inside, socket: TcpStream) -> io::Result<Stream> {
        let Some(tls) = &self.tls else {
            return Ok(Stream::Plain(socket));
        };
        let mut first = [0];
        let read = tokio::time::timeout(HANDSHAKE_TIMEOUT, socket.peek(&mut first)).await??;
        if read == 1 && first[0] == HANDSHAKE_BYTE {
            let stream = tls.current().accept(inside, socket).await?;
            return Ok(Stream::Tls(Box::new(stream)));
        }
        if self.tls_required {
            return Err(io::Error::other("a connection without TLS was refused"));
        }
        Ok(Stream::Plain(socket))
    }
}
