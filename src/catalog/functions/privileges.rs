//! `has_table_privilege` and its kin: what a user may do with a thing, as the user's role has it.

use arrow::datatypes::DataType::{self, Boolean};
use arrow::datatypes::{Field, Fields};
use datafusion::common::ScalarValue;

use super::{Arguments, Context, Definition, lenient, strict, truth};
use crate::access::Role;
use crate::catalog::reg::RegKind;
use crate::error::{Error, ErrorKind, Result};

/// What there is to be allowed, on any kind of thing.
const PRIVILEGES: [&str; 13] = [
    "connect",
    "create",
    "delete",
    "execute",
    "insert",
    "references",
    "select",
    "temp",
    "temporary",
    "trigger",
    "truncate",
    "update",
    "usage",
];

/// What a list of privileges has; no object here has such a list, so there are never any.
fn acl_items() -> DataType {
    let fields = [
        Field::new("grantor", DataType::Int64, true),
        Field::new("grantee", DataType::Int64, true),
        Field::new("privilege_type", DataType::Utf8, true),
        Field::new("is_grantable", DataType::Boolean, true),
    ];
    DataType::new_list(DataType::Struct(Fields::from_iter(fields)), true)
}

pub fn all() -> Vec<Definition> {
    vec![
        strict("has_table_privilege", Boolean, |arguments, context| {
            answer(arguments, context, 2, Some(RegKind::Class))
        }),
        strict("has_any_column_privilege", Boolean, |arguments, context| {
            answer(arguments, context, 2, Some(RegKind::Class))
        }),
        strict("has_column_privilege", Boolean, |arguments, context| {
            answer(arguments, context, 3, Some(RegKind::Class))
        }),
        strict("has_schema_privilege", Boolean, |arguments, context| {
            answer(arguments, context, 2, Some(RegKind::Namespace))
        }),
        strict("has_database_privilege", Boolean, of_anything),
        strict("has_function_privilege", Boolean, of_anything),
        strict("has_language_privilege", Boolean, of_anything),
        strict("has_sequence_privilege", Boolean, of_anything),
        strict("has_server_privilege", Boolean, of_anything),
        strict("has_tablespace_privilege", Boolean, of_anything),
        strict("has_type_privilege", Boolean, of_anything),
        lenient("acl_items", acl_items(), |_, _| Ok(ScalarValue::try_from(acl_items())?)),
    ]
}

fn of_anything(arguments: &Arguments<'_>, context: &Context) -> Result<ScalarValue> {
    answer(arguments, context, 2, None)
}

/// `own_arguments` is how many there are when the user is not named, who then stands in front of the others.
fn answer(
    arguments: &Arguments<'_>,
    context: &Context,
    own_arguments: usize,
    kind: Option<RegKind>,
) -> Result<ScalarValue> {
    let named = arguments.count() > own_arguments;
    let role = if named {
        role_of(arguments, context)?
    } else {
        context.session.role
    };
    let mut writable = false;
    if let Some(kind) = kind {
        let oid = arguments.object(usize::from(named), kind, &context.catalog)?;
        let takes_rows = context.session.takes_rows;
        let takes_rows = takes_rows.and_then(|name| context.catalog.relation_oid("public", name));
        writable = kind == RegKind::Class && oid.is_some() && oid == takes_rows;
    }
    let asked = arguments.text(arguments.count().saturating_sub(1)).unwrap_or_default();
    let mut may = false;
    for privilege in asked.split(',') {
        may |= role.has_privilege(known(privilege)?, writable);
    }
    Ok(truth(may))
}

/// The role of the user who is named in front. A number is not looked up: everybody may at least read.
fn role_of(arguments: &Arguments<'_>, context: &Context) -> Result<Role> {
    let (session, catalog) = (&context.session, &context.catalog);
    let name = arguments.text(0).unwrap_or_default();
    if name == session.user {
        return Ok(session.role);
    }
    if let Some(other) = session.users.iter().find(|other| other.user == name) {
        return Ok(other.role);
    }
    if !arguments.is_text(0) || name == "public" || name == catalog.owner {
        return Ok(Role::Reader);
    }
    Err(Error::new(
        ErrorKind::UndefinedObject,
        format!("role \"{name}\" does not exist"),
    ))
}

/// A privilege's name, with nobody's right to pass it on.
fn known(privilege: &str) -> Result<&str> {
    let name = privilege.trim();
    let lower = name.to_ascii_lowercase();
    let plain = lower.strip_suffix(" with grant option").unwrap_or(&lower);
    if PRIVILEGES.contains(&plain) {
        return Ok(name);
    }
    Err(Error::new(
        ErrorKind::InvalidParameterValue,
        format!("unrecognized privilege type: \"{name}\""),
    ))
}
