//! `[[users]]` and `[tls]`: who may come in, and what protects the connection.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::document::reason;
use crate::access::{Credentials, Role, TOKEN_LEAST_CHARACTERS, TlsFiles, TokenDigest, Verifier};
use crate::error::{Error, Result};

/// One of `[[users]]`. A user has a password, a bearer token, or both; each is written down as what only checks it, or
/// lies in a file or an environment variable of its own.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UserSettings {
    pub name: Option<String>,
    pub role: Role,
    /// The SCRAM-SHA-256 verifier, as `hash-password` prints it and PostgreSQL stores it.
    pub scram: Option<Verifier>,
    pub scram_file: Option<PathBuf>,
    pub scram_env: Option<String>,
    pub password_file: Option<PathBuf>,
    pub password_env: Option<String>,
    /// The SHA-256 of a bearer token for Flight, in hexadecimal digits.
    pub token_sha256: Option<TokenDigest>,
    pub token_file: Option<PathBuf>,
    pub token_env: Option<String>,
}

impl UserSettings {
    /// What can be said without reading anything.
    pub fn check(&self) -> Result<()> {
        let name = self.name.as_deref().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| {
            Error::configuration("users: a user has no name").with_hint("give every [[users]] a name = \"…\"")
        })?;
        let given = |settings: &[(&'static str, bool)]| -> Vec<&'static str> {
            settings.iter().filter(|(_, set)| *set).map(|(key, _)| *key).collect()
        };
        let passwords = given(&[
            ("scram", self.scram.is_some()),
            ("scram_file", self.scram_file.is_some()),
            ("scram_env", self.scram_env.is_some()),
            ("password_file", self.password_file.is_some()),
            ("password_env", self.password_env.is_some()),
        ]);
        let tokens = given(&[
            ("token_sha256", self.token_sha256.is_some()),
            ("token_file", self.token_file.is_some()),
            ("token_env", self.token_env.is_some()),
        ]);
        if let [first, second, ..] = passwords[..] {
            return Err(twice(name, first, second));
        }
        if let [first, second, ..] = tokens[..] {
            return Err(twice(name, first, second));
        }
        if passwords.is_empty() && tokens.is_empty() {
            return Err(
                Error::configuration(format!("users: {name} has neither a password nor a token"))
                    .with_hint("give scram = \"…\" as mission-control hash-password prints it, or a file or a token"),
            );
        }
        Ok(())
    }

    /// Reads the secrets where they lie.
    fn credentials(&self, environment: &dyn Fn(&str) -> Option<String>) -> Result<Credentials> {
        self.check()?;
        let name = self.name.clone().unwrap_or_default();
        let read = |file: &Option<PathBuf>, variable: &Option<String>| -> Result<Option<String>> {
            match (file, variable) {
                (Some(path), _) => secret_of_file(&name, path).map(Some),
                (None, Some(variable)) => secret_of_variable(&name, variable, environment).map(Some),
                (None, None) => Ok(None),
            }
        };
        let verifier = match read(&self.scram_file, &self.scram_env)? {
            Some(text) => Some(
                text.parse::<Verifier>()
                    .map_err(|wrong| Error::configuration(format!("users: {name}: {wrong}")))?,
            ),
            None => self.scram.clone(),
        };
        let token = match read(&self.token_file, &self.token_env)? {
            Some(token) => Some(digest_of_token(&name, &token)?),
            None => self.token_sha256.clone(),
        };
        let password = read(&self.password_file, &self.password_env)?;
        Ok(Credentials {
            role: self.role,
            verifier,
            password,
            token,
            name,
        })
    }
}

fn twice(name: &str, first: &str, second: &str) -> Error {
    Error::configuration(format!("users: {name} has both {first} and {second}")).with_hint("keep one of the two")
}

fn digest_of_token(name: &str, token: &str) -> Result<TokenDigest> {
    if token.chars().count() < TOKEN_LEAST_CHARACTERS {
        return Err(Error::configuration(format!(
            "users: the token of {name} is shorter than {TOKEN_LEAST_CHARACTERS} characters"
        ))
        .with_hint("a token that cannot be guessed: openssl rand -hex 32"));
    }
    Ok(TokenDigest::of(token))
}

/// A secret in a file may end with a line's end, which is not part of it.
fn secret_of_file(name: &str, path: &Path) -> Result<String> {
    let text = fs::read_to_string(path).map_err(|error| {
        Error::configuration(format!(
            "users: cannot read the secret of {name} in {}: {}",
            path.display(),
            reason(&error)
        ))
        .with_hint("the file must hold the secret alone, and this user must be able to read it")
    })?;
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    if secret.is_empty() {
        return Err(Error::configuration(format!(
            "users: the secret of {name} in {} is empty",
            path.display()
        )));
    }
    Ok(secret.to_string())
}

fn secret_of_variable(name: &str, variable: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<String> {
    environment(variable).filter(|value| !value.is_empty()).ok_or_else(|| {
        Error::configuration(format!(
            "users: the environment variable {variable} with the secret of {name} is not set"
        ))
    })
}

/// The credentials of all users, with their secrets read.
pub fn credentials(users: &[UserSettings], environment: &dyn Fn(&str) -> Option<String>) -> Result<Vec<Credentials>> {
    users.iter().map(|user| user.credentials(environment)).collect()
}

/// `[tls]`: the certificate of all listeners.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsSection {
    /// The certificate and those that lead to its authority, PEM.
    pub certificate: Option<PathBuf>,
    /// The certificate's private key, PEM.
    pub key: Option<PathBuf>,
    /// Whether connections without TLS are refused: so by default on addresses that other machines can reach.
    pub require: Option<bool>,
    /// Authorities whose certificates clients may show.
    pub client_ca: Option<PathBuf>,
    /// Whether clients must show one.
    pub require_client_certificate: bool,
}

impl TlsSection {
    /// Half a pair is no certificate.
    pub fn check(&self) -> Result<()> {
        self.files().map(|_| ())
    }

    /// The files, where TLS is configured.
    pub fn files(&self) -> Result<Option<TlsFiles>> {
        let missing = |given: &str, wanted: &str| {
            Err(
                Error::configuration(format!("tls.{given} is given without tls.{wanted}"))
                    .with_hint("[tls] needs certificate and key, both in PEM form"),
            )
        };
        match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => {
                if self.require_client_certificate && self.client_ca.is_none() {
                    return missing("require_client_certificate", "client_ca");
                }
                Ok(Some(TlsFiles {
                    certificate: certificate.clone(),
                    key: key.clone(),
                    client_ca: self.client_ca.clone(),
                    require_client_certificate: self.require_client_certificate,
                }))
            }
            (Some(_), None) => missing("certificate", "key"),
            (None, Some(_)) => missing("key", "certificate"),
            (None, None) if self.require == Some(true) => missing("require", "certificate"),
            (None, None) if self.client_ca.is_some() => missing("client_ca", "certificate"),
            (None, None) if self.require_client_certificate => missing("require_client_certificate", "certificate"),
            (None, None) => Ok(None),
        }
    }
}
