//! From names to numbers and back: the `reg…` types, `to_regclass` and its kin, `pg_typeof`.

use arrow::datatypes::DataType::{Int64, Utf8};
use datafusion::common::ScalarValue;

use super::{Arguments, Context, Definition, lenient, number, strict, text};
use crate::catalog::reg::{RegKind, TYPE_KEY};
use crate::catalog::types::{format_type, oid_of_arrow, oid_of_type, sql_name};
use crate::error::{Error, ErrorKind, Result};

macro_rules! kinds {
    ($($kind:ident, $cast:literal, $show:literal, $find:literal);+ $(;)?) => {
        vec![$(
            // The cast: a name or a number becomes a number that is shown as a name.
            Definition {
                result_kind: Some(RegKind::$kind),
                ..strict($cast, Int64, |arguments, context| {
                    Ok(number(arguments.object(0, RegKind::$kind, &context.catalog)?))
                })
            },
            strict($show, Utf8, |arguments, context| show(RegKind::$kind, arguments, context)),
            Definition {
                result_kind: Some(RegKind::$kind),
                ..strict($find, Int64, |arguments, context| {
                    let found = arguments.text(0).and_then(|name| RegKind::$kind.find(&name, &context.catalog));
                    Ok(number(found))
                })
            },
        )+]
    };
}

pub fn all() -> Vec<Definition> {
    let mut all = kinds! {
        Class, "regclass", "regclass_name", "to_regclass";
        Type, "regtype", "regtype_name", "to_regtype";
        Procedure, "regproc", "regproc_name", "to_regproc";
        Namespace, "regnamespace", "regnamespace_name", "to_regnamespace";
        Role, "regrole", "regrole_name", "to_regrole";
    };
    all.push(strict("oid", Int64, |arguments, _| {
        let text = arguments.text(0).unwrap_or_default();
        match text.trim().parse::<i64>() {
            Ok(oid) => Ok(number(Some(oid))),
            Err(_) => Err(Error::new(
                ErrorKind::InvalidTextRepresentation,
                format!("invalid input syntax for type oid: \"{text}\""),
            )),
        }
    }));
    all.push(lenient("pg_typeof", Utf8, |arguments, _| {
        let named = arguments.field(0).map(|field| {
            let own = field.metadata().get(TYPE_KEY).and_then(|name| oid_of_type(name));
            format_type(own.unwrap_or_else(|| oid_of_arrow(field.data_type())), None)
        });
        Ok(text(named))
    }));
    all.push(strict("vector_text", Utf8, vector_text));
    all.push(strict("pg_basetype", Utf8, |arguments, _| {
        Ok(text(arguments.number(0).and_then(sql_name)))
    }));
    all
}

fn show(kind: RegKind, arguments: &Arguments<'_>, context: &Context) -> Result<ScalarValue> {
    let oid = arguments.number(0).unwrap_or_default();
    if kind == RegKind::Role && context.catalog.role_oid(&context.session.user) == oid {
        return Ok(text(Some(crate::catalog::reg::quoted(&context.session.user))));
    }
    Ok(text(Some(kind.show(oid, &context.catalog))))
}

/// `oidvector` and `int2vector` are written with spaces between their numbers.
fn vector_text(arguments: &Arguments<'_>, _context: &Context) -> Result<ScalarValue> {
    let Some(ScalarValue::List(list)) = arguments.value(0) else {
        return Ok(text(arguments.text(0)));
    };
    let items = list.value(0);
    let words: Vec<String> = (0..items.len())
        .map(|index| Ok(ScalarValue::try_from_array(&items, index)?.to_string()))
        .collect::<Result<_>>()?;
    Ok(text(Some(words.join(" "))))
}
