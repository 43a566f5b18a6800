//! Who may come in, and as what: roles, users and what proves that somebody is one of them. No protocol is named here;
//! `wire::auth` asks these questions for every one of them.

mod tls_files;
mod users;
mod verifier;

use std::fmt;

use serde::Deserialize;

pub use tls_files::{Fingerprint, TlsFiles};
pub use users::{Credentials, TOKEN_LEAST_CHARACTERS, TokenDigest, Users};
pub use verifier::{KEY_BYTES, Verifier, saslprep};

/// What a user may do. Each role includes the ones before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads every relation.
    #[default]
    Reader,
    /// Also appends rows to the managed table.
    Ingest,
    /// Also sees and cancels what others run.
    Admin,
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Ingest => "ingest",
            Self::Admin => "admin",
        }
    }

    /// Whether the privilege, by PostgreSQL's name, is this role's on relations, schemas, functions and the database.
    ///
    /// `writable` says whether the thing takes rows at all: a source never does, whoever asks.
    pub fn has_privilege(self, privilege: &str, writable: bool) -> bool {
        let plain = privilege.trim().to_ascii_lowercase();
        match plain.as_str() {
            "select" | "usage" | "execute" | "connect" => true,
            "insert" => writable && self >= Self::Ingest,
            _ => false,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Somebody who has been let in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    pub user: String,
    pub role: Role,
}

impl Identity {
    pub fn new(user: impl Into<String>, role: Role) -> Self {
        Self {
            user: user.into(),
            role,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_include_those_before_them() {
        let may = |role: Role, privilege, writable| role.has_privilege(privilege, writable);
        for role in [Role::Reader, Role::Ingest, Role::Admin] {
            assert!(may(role, "SELECT", false), "{role}");
            assert!(may(role, " execute", false), "{role}");
            assert!(!may(role, "insert", false), "{role}: a source is never written");
            assert!(!may(role, "delete", true), "{role}");
            assert!(!may(role, "SELECT WITH GRANT OPTION", true), "{role}");
        }
        assert!(!may(Role::Reader, "insert", true));
        assert!(may(Role::Ingest, "insert", true));
        assert!(may(Role::Admin, "insert", true));
    }
}
