//! PostgreSQL's types: their numbers, their two names, and the Arrow types in which the engine holds their values.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};

use super::facts;

/// The names that `format_type` writes where they differ from the type's own.
const SQL_NAMES: [(&str, &str); 14] = [
    ("bool", "boolean"),
    ("int2", "smallint"),
    ("int4", "integer"),
    ("int8", "bigint"),
    ("float4", "real"),
    ("float8", "double precision"),
    ("varchar", "character varying"),
    ("bpchar", "character"),
    ("time", "time without time zone"),
    ("timetz", "time with time zone"),
    ("timestamp", "timestamp without time zone"),
    ("timestamptz", "timestamp with time zone"),
    ("varbit", "bit varying"),
    ("char", "\"char\""),
];

/// One row of `pg_type`, as far as others need it.
#[derive(Debug, Clone, Copy)]
pub struct TypeFacts {
    pub oid: i64,
    pub name: &'static str,
    pub length: i64,
    pub by_value: &'static str,
    pub element: i64,
    pub array: i64,
    pub align: &'static str,
    pub storage: &'static str,
    pub collation: i64,
}

static TYPES: LazyLock<Vec<TypeFacts>> = LazyLock::new(|| {
    let Some(shipped) = facts::shipped("pg_type") else {
        return vec![];
    };
    let at = |name: &str| shipped.columns.iter().position(|column| *column == name);
    shipped
        .rows
        .iter()
        .map(|row| {
            let text = |name: &str| at(name).and_then(|index| row[index]).unwrap_or_default();
            let number = |name: &str| text(name).parse().unwrap_or_default();
            TypeFacts {
                oid: number("oid"),
                name: text("typname"),
                length: number("typlen"),
                by_value: text("typbyval"),
                element: number("typelem"),
                array: number("typarray"),
                align: text("typalign"),
                storage: text("typstorage"),
                collation: number("typcollation"),
            }
        })
        .collect()
});

static BY_OID: LazyLock<HashMap<i64, TypeFacts>> = LazyLock::new(|| TYPES.iter().map(|one| (one.oid, *one)).collect());

pub fn by_oid(oid: i64) -> Option<&'static TypeFacts> {
    BY_OID.get(&oid)
}

fn by_name(name: &str) -> Option<&'static TypeFacts> {
    TYPES.iter().find(|one| one.name == name)
}

/// The name that `format_type` writes, without a modifier.
pub fn sql_name(oid: i64) -> Option<String> {
    let found = by_oid(oid)?;
    // An array's own name begins with an underscore; two vector types have elements and are no arrays.
    if found.element != 0 && found.name.starts_with('_') {
        return Some(format!("{}[]", sql_name(found.element)?));
    }
    let own = SQL_NAMES.iter().find(|(name, _)| *name == found.name);
    Some(own.map_or(found.name, |(_, long)| long).to_string())
}

/// What `format_type(oid, modifier)` gives.
pub fn format_type(oid: i64, modifier: Option<i64>) -> String {
    if oid == 0 {
        return "-".to_string();
    }
    let Some(name) = sql_name(oid) else {
        return "???".to_string();
    };
    match (oid, modifier) {
        (1042 | 1043, Some(length)) if length > 4 => format!("{name}({})", length - 4),
        (1700, Some(packed)) if packed > 4 => {
            format!("numeric({},{})", ((packed - 4) >> 16) & 0xffff, (packed - 4) & 0xffff)
        }
        _ => name,
    }
}

/// A type's number by any of its names, with `[]` for its array and its schema or not.
pub fn oid_of_type(name: &str) -> Option<i64> {
    let lower = name.trim().to_lowercase();
    let plain = ["pg_catalog.", "information_schema."]
        .iter()
        .find_map(|schema| lower.strip_prefix(schema))
        .unwrap_or(&lower);
    if let Some(element) = plain.strip_suffix("[]") {
        let element = oid_of_type(element)?;
        return by_oid(element).map(|found| found.array).filter(|array| *array != 0);
    }
    let base = plain.split('(').next().unwrap_or(plain).trim();
    let short = match base {
        // The one-letter type is written in quotes; without them `char` is `character`.
        "char" | "character" => "bpchar",
        "\"char\"" => "char",
        "int" => "int4",
        "float" | "double" => "float8",
        "decimal" => "numeric",
        other => SQL_NAMES
            .iter()
            .find(|(_, long)| *long == other)
            .map_or(other, |(short, _)| short),
    };
    by_name(short.trim_matches('"')).map(|found| found.oid)
}

/// The Arrow type of a catalog column by its type's SQL name.
pub fn arrow_type(name: &str) -> DataType {
    let list = |item: DataType| DataType::List(Arc::new(Field::new("item", item, true)));
    if let Some(element) = name.strip_suffix("[]") {
        return list(arrow_type(element));
    }
    match name {
        "boolean" => DataType::Boolean,
        "smallint" => DataType::Int16,
        "integer" | "cardinal_number" => DataType::Int32,
        "bigint" | "oid" | "xid" | "regproc" | "regtype" | "regclass" => DataType::Int64,
        "real" => DataType::Float32,
        "double precision" | "numeric" => DataType::Float64,
        "bytea" => DataType::Binary,
        "interval" => DataType::Interval(IntervalUnit::MonthDayNano),
        "timestamp with time zone" | "time_stamp" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        "oidvector" => list(DataType::Int64),
        "int2vector" => list(DataType::Int16),
        _ => DataType::Utf8,
    }
}

/// The PostgreSQL type in which a user's column of this Arrow type is shown.
pub fn oid_of_arrow(data_type: &DataType) -> i64 {
    match data_type {
        DataType::Boolean => 16,
        DataType::Int8 | DataType::UInt8 | DataType::Int16 => 21,
        DataType::UInt16 | DataType::Int32 => 23,
        DataType::UInt32 | DataType::Int64 => 20,
        DataType::UInt64
        | DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => 1700,
        DataType::Float16 | DataType::Float32 => 700,
        DataType::Float64 => 701,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => 17,
        DataType::Date32 | DataType::Date64 => 1082,
        DataType::Time32(_) | DataType::Time64(_) => 1083,
        DataType::Timestamp(_, None) => 1114,
        DataType::Timestamp(_, Some(_)) => 1184,
        DataType::Interval(_) | DataType::Duration(_) => 1186,
        DataType::Struct(_) => 2249,
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => {
            by_oid(oid_of_arrow(item.data_type())).map_or(1009, |element| element.array)
        }
        DataType::Dictionary(_, values) => oid_of_arrow(values),
        DataType::RunEndEncoded(_, values) => oid_of_arrow(values.data_type()),
        _ => 25,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As PostgreSQL 15 answers `format_type(oid, modifier)` and `name::regtype::oid`.
    #[test]
    fn types_have_postgresql_s_names() {
        assert_eq!(format_type(1184, None), "timestamp with time zone");
        assert_eq!(format_type(1185, None), "timestamp with time zone[]");
        assert_eq!(format_type(1043, Some(14)), "character varying(10)");
        assert_eq!(format_type(1700, Some(655_366)), "numeric(10,2)");
        assert_eq!(format_type(22, None), "int2vector");
        assert_eq!(format_type(18, None), "\"char\"");
        assert_eq!(format_type(999_999, None), "???");
        for (name, oid) in [
            ("int8", 20),
            ("Double Precision", 701),
            ("text[]", 1009),
            ("pg_catalog.regclass", 2205),
            ("char", 1042),
            ("\"char\"", 18),
            ("varchar(3)", 1043),
        ] {
            assert_eq!(oid_of_type(name), Some(oid), "{name}");
        }
        assert_eq!(oid_of_type("hstore"), None);
    }
}
