//! Names of types in casts: PostgreSQL's own as the engine's types or as functions that look names up.

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, DataType as SqlType, ExactNumberInfo, Expr, TimezoneInfo, Value,
};

use super::calls::{call, catalog_name, whole};
use crate::catalog::RegKind;

/// A cast to a type that the engine does not know by this name; `None` where it does.
pub fn cast(inner: &Expr, data_type: &SqlType) -> Option<Cast> {
    if let SqlType::Regclass = data_type {
        return Some(Cast::Call(Box::new(call("regclass", vec![inner.clone()]))));
    }
    if let SqlType::Array(ArrayElemTypeDef::SquareBracket(element, length)) = data_type {
        let element = engine_type(element)?;
        return Some(Cast::Type(SqlType::Array(ArrayElemTypeDef::SquareBracket(
            Box::new(element),
            *length,
        ))));
    }
    if let SqlType::Custom(name, _) = data_type {
        let is_quoted = name
            .0
            .last()
            .and_then(|part| part.as_ident())
            .is_some_and(|last| last.quote_style.is_some());
        let name = catalog_name(name)?;
        if let Some(kind) = RegKind::named(&name) {
            return Some(Cast::Call(Box::new(call(kind.type_name(), vec![inner.clone()]))));
        }
        if matches!(name.as_str(), "oid" | "xid" | "cid") {
            return Some(Cast::Call(Box::new(call("oid", vec![inner.clone()]))));
        }
        if name == "char" && is_quoted {
            return Some(Cast::Call(Box::new(call("left", vec![text_of(inner), whole(1)]))));
        }
    }
    if let Some(exact) = exact_numeric(inner, data_type) {
        return Some(Cast::Type(exact));
    }
    engine_type(data_type).map(Cast::Type)
}

/// A literal that is cast to `numeric` keeps as many digits after the point as it is written with.
fn exact_numeric(inner: &Expr, data_type: &SqlType) -> Option<SqlType> {
    let is_bare = match data_type {
        SqlType::Numeric(ExactNumberInfo::None) | SqlType::Decimal(ExactNumberInfo::None) => true,
        SqlType::Custom(name, modifiers) => modifiers.is_empty() && catalog_name(name)? == "numeric",
        _ => false,
    };
    let Expr::Value(value) = inner else {
        return None;
    };
    let (Value::Number(written, _) | Value::SingleQuotedString(written)) = &value.value else {
        return None;
    };
    let plain = written.trim();
    let fraction = plain.split_once('.').map_or("", |(_, fraction)| fraction);
    let digits_only = plain
        .chars()
        .all(|one| one.is_ascii_digit() || matches!(one, '.' | '-' | '+'));
    let scale = i64::try_from(fraction.len()).ok().filter(|scale| *scale <= 20)?;
    (is_bare && digits_only).then_some(SqlType::Numeric(ExactNumberInfo::PrecisionAndScale(38, scale)))
}

/// What a cast becomes.
pub enum Cast {
    Type(SqlType),
    Call(Box<Expr>),
}

fn text_of(inner: &Expr) -> Expr {
    call("concat", vec![inner.clone()])
}

/// The engine's own name of a type; `None` where it needs no other.
fn engine_type(data_type: &SqlType) -> Option<SqlType> {
    Some(match data_type {
        SqlType::JSON | SqlType::JSONB | SqlType::Uuid => SqlType::Text,
        SqlType::Custom(name, modifiers) => named_type(&catalog_name(name)?, modifiers)?,
        _ => return None,
    })
}

fn named_type(name: &str, modifiers: &[String]) -> Option<SqlType> {
    let array = |element| SqlType::Array(ArrayElemTypeDef::SquareBracket(Box::new(element), None));
    let numeric = match modifiers {
        [precision] => precision.parse().ok().map(ExactNumberInfo::Precision),
        [precision, scale] => precision
            .parse()
            .ok()
            .zip(scale.parse().ok())
            .map(|(precision, scale)| ExactNumberInfo::PrecisionAndScale(precision, scale)),
        _ => None,
    };
    Some(match name {
        // In casts of arrays the one-letter type is a text; alone it is cut to its letter.
        "text" | "name" | "char" | "varchar" | "bpchar" | "unknown" | "cstring" | "json" | "jsonb" | "uuid"
        | "inet" | "cidr" | "macaddr" | "pg_lsn" | "pg_node_tree" | "sql_identifier" | "character_data"
        | "yes_or_no" | "regoper" | "regoperator" | "regcollation" | "regconfig" | "regdictionary" | "aclitem"
        | "tid" | "xml" | "money" => SqlType::Text,
        "bool" => SqlType::Boolean,
        "int2" => SqlType::SmallInt(None),
        "int4" | "cardinal_number" => SqlType::Int(None),
        "int8" | "xid8" => SqlType::BigInt(None),
        "float4" => SqlType::Real,
        "float8" => SqlType::DoublePrecision,
        "numeric" => SqlType::Numeric(numeric.unwrap_or(ExactNumberInfo::None)),
        "bytea" => SqlType::Bytea,
        "date" => SqlType::Date,
        "time" => SqlType::Time(None, TimezoneInfo::None),
        "timestamp" => SqlType::Timestamp(None, TimezoneInfo::None),
        "timestamptz" | "time_stamp" => SqlType::Timestamp(None, TimezoneInfo::WithTimeZone),
        "interval" => SqlType::Interval {
            fields: None,
            precision: None,
        },
        "oid" | "regclass" | "regtype" | "regproc" => SqlType::BigInt(None),
        "oidvector" => array(SqlType::BigInt(None)),
        "int2vector" => array(SqlType::SmallInt(None)),
        _ => return None,
    })
}
