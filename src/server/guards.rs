//! What stands at the doors: users, certificates, and the rule that nobody is reached from other machines without
//! both. All of it can be changed while the server runs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::access::{Credentials, Fingerprint, Role, TlsFiles, Users};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::session::{Engine, Limits};
use crate::shutdown::Shutdown;
use crate::wire::auth::{Access, Policy};
use crate::wire::tls::{Certificate, Security, Tls};

/// How often the certificate's files are looked at.
const CERTIFICATE_INTERVAL: Duration = Duration::from_secs(2);

/// Who is let in, and what protects the connections.
#[derive(Debug, Clone)]
pub struct AccessSettings {
    pub credentials: Vec<Credentials>,
    /// The role of clients on this machine where no users are configured.
    pub trusted_role: Role,
    pub tls: Option<TlsFiles>,
    /// Whether connections without TLS are refused; by default on addresses that other machines can reach.
    pub tls_required: Option<bool>,
    /// Whether other machines may reach listeners without encryption and passwords.
    pub insecure: bool,
    /// How long the bearer token of a log-in is good.
    pub token_lifetime: Duration,
}

impl Default for AccessSettings {
    fn default() -> Self {
        Self {
            credentials: vec![],
            trusted_role: Role::Admin,
            tls: None,
            tls_required: None,
            insecure: false,
            token_lifetime: Duration::from_secs(24 * 3600),
        }
    }
}

impl AccessSettings {
    /// Reads the users' secrets where the configuration says that they lie.
    pub fn from_config(config: &Config) -> Result<Self> {
        Ok(Self {
            credentials: config.credentials()?,
            trusted_role: config.server.trusted_role,
            tls: config.tls.files()?,
            tls_required: config.tls.require,
            insecure: config.server.insecure,
            token_lifetime: Duration::from_secs(config.flight.token_lifetime_seconds.get()),
        })
    }

    /// Everything that a start would refuse.
    pub fn check(&self) -> Result<()> {
        Guards::open(self).map(|_| ())
    }

    fn policy(&self) -> Result<Policy> {
        Ok(Policy {
            users: Users::new(self.credentials.clone())?,
            trusted_role: self.trusted_role,
        })
    }
}

/// The users and the certificate of a running server.
pub struct Guards {
    pub access: Arc<Access>,
    tls: Option<Arc<Tls>>,
    tls_required: Option<bool>,
    insecure: bool,
    loaded: Mutex<Option<Loaded>>,
}

/// The files that the certificate in use was read from, and how they looked just before.
#[derive(Clone)]
struct Loaded {
    files: TlsFiles,
    fingerprint: Fingerprint,
}

impl Loaded {
    /// A change between the look and the reading is seen as a change after it: better read twice than never.
    fn read(files: &TlsFiles) -> Result<(Self, Certificate)> {
        let loaded = Self {
            files: files.clone(),
            fingerprint: files.fingerprint(),
        };
        Ok((loaded, Certificate::load(files)?))
    }
}

impl Guards {
    /// Checks the users and loads the certificate.
    pub fn open(settings: &AccessSettings) -> Result<Self> {
        let policy = settings.policy()?;
        let (loaded, certificate) = settings.tls.as_ref().map(Loaded::read).transpose()?.unzip();
        Ok(Self {
            access: Access::new(policy),
            tls: certificate.map(Tls::new),
            tls_required: settings.tls_required,
            insecure: settings.insecure,
            loaded: Mutex::new(loaded),
        })
    }

    /// Refuses an address that other machines can reach, unless encryption and passwords protect it.
    pub fn check_address(&self, name: &str, wanted: &str) -> Result<()> {
        if self.insecure {
            return Ok(());
        }
        let users = !self.access.policy().users.is_empty();
        let missing = match (self.tls.is_some(), users) {
            (true, true) if self.tls_required == Some(false) => {
                return Err(Error::configuration(format!(
                    "{name}: refusing to listen without encryption on {wanted}, which other machines can reach"
                ))
                .with_hint("take tls.require = false out, or say --insecure to allow connections without encryption"));
            }
            (true, true) => return Ok(()),
            (true, false) => "users: add [[users]] with name and scram (mission-control hash-password makes one)",
            (false, true) => "TLS: add [tls] with certificate and key",
            (false, false) => "TLS and users: add [tls] with certificate and key, and [[users]] with name and scram",
        };
        Err(Error::configuration(format!(
            "{name}: refusing to listen on {wanted}, which other machines can reach, without encryption and passwords"
        ))
        .with_hint(format!(
            "it needs {missing}; or listen on 127.0.0.1; or say --insecure to let everybody who can reach the \
             address read the data"
        )))
    }

    /// What a listener offers and asks for.
    pub fn security(&self, is_loopback: bool) -> Security {
        Security {
            tls: self.tls.clone(),
            tls_required: self.tls.is_some() && self.tls_required.unwrap_or(!is_loopback),
        }
    }

    /// Puts new users and certificates in place: all of it, or with an error nothing.
    pub fn reload(&self, settings: &AccessSettings) -> Result<()> {
        let policy = settings.policy()?;
        if policy.users.is_empty() != self.access.policy().users.is_empty() {
            return Err(Error::configuration(
                "users cannot be brought in or given up altogether while the server runs",
            )
            .with_hint("start the server again"));
        }
        match (&self.tls, &settings.tls) {
            (Some(tls), Some(files)) => {
                let (loaded, certificate) = Loaded::read(files)?;
                tls.replace(certificate);
                *self.loaded() = Some(loaded);
            }
            (None, None) => {}
            _ => {
                return Err(
                    Error::configuration("[tls] cannot be added or taken away while the server runs")
                        .with_hint("start the server again"),
                );
            }
        }
        self.access.replace(policy);
        Ok(())
    }

    /// Loads the certificate again whenever its files change, until the server ends. A pair that does not fit, as
    /// between the writing of its two files, leaves the old one in place.
    pub async fn watch_certificate(self: Arc<Self>, shutdown: Shutdown) {
        let Some(tls) = &self.tls else {
            return;
        };
        loop {
            tokio::select! {
                () = shutdown.drained() => return,
                () = tokio::time::sleep(CERTIFICATE_INTERVAL) => {}
            }
            let Some(known) = self.loaded().clone() else {
                return;
            };
            let fingerprint = known.files.fingerprint();
            if fingerprint == known.fingerprint {
                continue;
            }
            // Also where the files cannot be used: they are looked at again when they change again.
            *self.loaded() = Some(Loaded {
                fingerprint,
                ..known.clone()
            });
            match Certificate::load(&known.files) {
                Ok(certificate) => {
                    tls.replace(certificate);
                    tracing::info!("the certificate's files have changed: new connections get the new one");
                }
                Err(error) => tracing::warn!(%error, "the changed certificate is not used; the old one stays"),
            }
        }
    }

    fn loaded(&self) -> std::sync::MutexGuard<'_, Option<Loaded>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Changes a running server's settings.
#[derive(Clone)]
pub struct Reload {
    pub(super) guards: Arc<Guards>,
    pub(super) engine: Arc<Engine>,
}

impl Reload {
    /// Takes over what can be changed while the server runs; with an error everything stays as it is.
    pub fn apply(&self, settings: &AccessSettings, limits: Limits) -> Result<()> {
        self.guards.reload(settings)?;
        self.engine.set_limits(limits);
        self.engine.know_users(self.guards.access.policy().users.identities());
        Ok(())
    }
}
