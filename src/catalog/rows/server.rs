//! The server itself: its one database, its roles, its settings.

use crate::catalog::CATALOG_SCHEMA;
use crate::catalog::builder::{Rows, cell, truth};
use crate::catalog::facts::RelationFacts;
use crate::catalog::live::{Catalog, DATABASE_OID, OWNER_OID, PG_DATABASE, SessionFacts};

use super::functions::shared_descriptions;

pub fn of(name: &str, catalog: &Catalog) -> Option<Rows> {
    Some(match name {
        "pg_database" => pg_database(catalog),
        "pg_shdescription" => {
            let mut rows = Rows::new(&["objoid", "classoid", "description"]);
            for (oid, class, words) in shared_descriptions() {
                rows.push([cell(oid), cell(class), Some(words)]);
            }
            debug_assert_eq!(PG_DATABASE, 1262);
            rows
        }
        _ => return None,
    })
}

/// Relations whose rows depend on who asks.
pub fn of_session(relation: &RelationFacts, catalog: &Catalog, session: &SessionFacts) -> Option<Rows> {
    if relation.schema != CATALOG_SCHEMA {
        return match relation.name {
            "enabled_roles" | "applicable_roles" => {
                let mut rows = Rows::new(&["role_name", "grantee", "is_grantable"]);
                rows.push([cell(&session.user), cell(&session.user), cell("NO")]);
                Some(rows)
            }
            _ => None,
        };
    }
    Some(match relation.name {
        "pg_roles" | "pg_authid" => pg_roles(catalog, session),
        "pg_user" | "pg_shadow" => pg_user(catalog, session),
        "pg_settings" => pg_settings(session),
        "pg_stat_activity" => pg_stat_activity(catalog, session),
        _ => return None,
    })
}

fn pg_database(catalog: &Catalog) -> Rows {
    let mut rows = Rows::new(&["oid", "datname", "datdba", "encoding", "datallowconn", "datconnlimit"]);
    // 6 is PostgreSQL's number for UTF8.
    rows.push([
        cell(DATABASE_OID),
        cell(&catalog.database),
        cell(OWNER_OID),
        cell(6),
        truth(true),
        cell(-1),
    ]);
    for (column, value) in [
        ("datlocprovider", "c"),
        ("datcollate", "C"),
        ("datctype", "C.UTF-8"),
        ("dattablespace", "1663"),
    ] {
        rows.constant(column, value);
    }
    rows
}

/// The owner of everything, whom the configuration names, and whoever asks: without users any name is let in.
fn roles(catalog: &Catalog, session: &SessionFacts) -> Vec<(i64, String, bool)> {
    let configured = session.users.iter().map(|identity| identity.user.as_str());
    let mut names: Vec<&str> = configured.chain([session.user.as_str()]).collect();
    names.sort_unstable();
    names.dedup();
    let can_log_in = names.contains(&catalog.owner.as_str());
    let mut roles = vec![(OWNER_OID, catalog.owner.clone(), can_log_in)];
    names.retain(|name| *name != catalog.owner);
    roles.extend(
        names
            .into_iter()
            .map(|name| (catalog.role_oid(name), name.to_string(), true)),
    );
    roles
}

fn pg_roles(catalog: &Catalog, session: &SessionFacts) -> Rows {
    let mut rows = Rows::new(&["oid", "rolname", "rolcanlogin", "rolinherit", "rolconnlimit"]);
    for (oid, name, can_login) in roles(catalog, session) {
        rows.push([cell(oid), cell(name), truth(can_login), truth(true), cell(-1)]);
    }
    for column in [
        "rolsuper",
        "rolcreaterole",
        "rolcreatedb",
        "rolreplication",
        "rolbypassrls",
    ] {
        rows.constant(column, "f");
    }
    rows
}

fn pg_user(catalog: &Catalog, session: &SessionFacts) -> Rows {
    let mut rows = Rows::new(&[
        "usesysid",
        "usename",
        "usecreatedb",
        "usesuper",
        "userepl",
        "usebypassrls",
    ]);
    let no = || truth(false);
    for (oid, name, _) in roles(catalog, session) {
        rows.push([cell(oid), cell(name), no(), no(), no(), no()]);
    }
    rows
}

fn pg_settings(session: &SessionFacts) -> Rows {
    let mut rows = Rows::new(&["name", "setting", "short_desc", "boot_val", "reset_val"]);
    for (name, value, description) in &session.settings {
        rows.push([cell(name), cell(value), cell(description), cell(value), cell(value)]);
    }
    for (column, value) in [
        ("category", "Mission Control"),
        ("context", "user"),
        ("vartype", "string"),
        ("source", "session"),
        ("pending_restart", "f"),
    ] {
        rows.constant(column, value);
    }
    rows
}

/// The session that asks. Others are shown by `mission_control.sessions`.
fn pg_stat_activity(catalog: &Catalog, session: &SessionFacts) -> Rows {
    let mut rows = Rows::new(&[
        "datid",
        "datname",
        "pid",
        "usesysid",
        "usename",
        "application_name",
        "client_addr",
        "backend_start",
        "xact_start",
        "query_start",
        "state_change",
        "state",
        "query",
        "backend_type",
    ]);
    for backend in session.backends.now() {
        rows.push([
            cell(DATABASE_OID),
            cell(&catalog.database),
            cell(backend.pid),
            cell(catalog.role_oid(&backend.user)),
            cell(&backend.user),
            cell(&backend.application),
            backend.address.clone(),
            backend.started.and_then(cell),
            backend.transaction_started.and_then(cell),
            backend.statement_started.and_then(cell),
            backend.state_changed.and_then(cell),
            cell(backend.state),
            cell(&backend.statement),
            cell("client backend"),
        ]);
    }
    rows
}
