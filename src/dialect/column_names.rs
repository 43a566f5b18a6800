//! What result columns are called. PostgreSQL names an expression after its function or type, or `?column?`, and lets
//! columns share a name; the query engine writes out the expression and refuses to. Clients see PostgreSQL's names.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DataType as SqlType, Expr, Ident, ObjectName, Query, Select, SelectItem, SetExpr, Statement,
    TrimWhereField,
};

use super::calls::folded;

const UNNAMED: &str = "?column?";

/// The names of a statement's result columns, as far as its text says them: counted from the left up to the first `*`
/// and from the right down to the last. `None` leaves the engine's name, which for columns and aliases is right.
#[derive(Debug, Default)]
pub struct ColumnNames {
    leading: Vec<Option<String>>,
    trailing: Vec<Option<String>>,
    any_star: bool,
}

/// Reads the names of a query's columns, and gives those that would clash in the engine a name of their own.
pub fn take_names(statement: &mut Statement) -> ColumnNames {
    let Statement::Query(query) = statement else {
        return ColumnNames::default();
    };
    first_select(query).map_or_else(ColumnNames::default, names_of)
}

/// Gives each expression of a subquery's SELECT list PostgreSQL's name, so that the query around it finds it; where two
/// have the same, the later ones get one of their own.
pub fn name_columns(select: &mut Select) {
    let mut seen: HashSet<String> = select
        .projection
        .iter()
        .filter_map(|item| match item {
            SelectItem::ExprWithAlias { alias, .. } => Some(folded(alias)),
            SelectItem::UnnamedExpr(expression) if is_column(expression) => strong_name(expression),
            _ => None,
        })
        .collect();
    for (index, item) in select.projection.iter_mut().enumerate() {
        let name = match item {
            SelectItem::UnnamedExpr(expression) if !is_column(expression) => name_of(expression),
            _ => continue,
        };
        let unique = if seen.insert(name.clone()) {
            name
        } else {
            format!("{name} {index}")
        };
        rename(item, &unique);
    }
}

/// The SELECT that names the columns of a query: of a UNION, the first.
fn first_select(query: &mut Query) -> Option<&mut Select> {
    let mut body = query.body.as_mut();
    loop {
        body = match body {
            SetExpr::Select(select) => return Some(select),
            SetExpr::Query(query) => query.body.as_mut(),
            SetExpr::SetOperation { left, .. } => left.as_mut(),
            _ => return None,
        };
    }
}

fn names_of(select: &mut Select) -> ColumnNames {
    let mut names = ColumnNames::default();
    let mut seen = HashSet::new();
    // The engine leaves casts and the like out of the names that it makes, so any two expressions may clash.
    let is_expression = |item: &&SelectItem| matches!(item, SelectItem::UnnamedExpr(one) if !is_column(one));
    let several = select.projection.iter().filter(is_expression).count() > 1;
    for (index, item) in select.projection.iter_mut().enumerate() {
        let (name, key) = match item {
            SelectItem::UnnamedExpr(expression) if is_column(expression) => (None, None),
            SelectItem::UnnamedExpr(expression) if several => (Some(name_of(expression)), Some(String::new())),
            SelectItem::UnnamedExpr(expression) => (Some(name_of(expression)), Some(expression.to_string())),
            SelectItem::ExprWithAlias { alias, .. } => (Some(folded(alias)), Some(folded(alias))),
            _ => {
                names.any_star = true;
                names.trailing.clear();
                continue;
            }
        };
        let clashes = key.is_some_and(|key| !seen.insert(key));
        if let (true, Some(name)) = (clashes, &name) {
            rename(item, &format!("{name} {index}"));
        }
        if !names.any_star {
            names.leading.push(name.clone());
        }
        names.trailing.push(name);
    }
    names
}

fn is_column(expression: &Expr) -> bool {
    matches!(expression, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
}

fn rename(item: &mut SelectItem, unique: &str) {
    let unique = Ident::with_quote('"', unique);
    match item {
        SelectItem::ExprWithAlias { alias, .. } => *alias = unique,
        SelectItem::UnnamedExpr(expression) => {
            *item = SelectItem::ExprWithAlias {
                expr: expression.clone(),
                alias: unique,
            };
        }
        _ => {}
    }
}

impl ColumnNames {
    /// Puts the names on the columns of a result.
    pub fn apply(&self, schema: SchemaRef) -> SchemaRef {
        let count = schema.fields().len();
        let from_right = |index: usize| {
            let behind = count - 1 - index;
            self.trailing
                .len()
                .checked_sub(behind + 1)
                .and_then(|at| self.trailing.get(at))
        };
        let fields: Vec<Arc<Field>> = schema
            .fields()
            .iter()
            .enumerate()
            .map(|(index, field)| {
                let name = match self.leading.get(index) {
                    Some(name) => name.as_ref(),
                    None if self.any_star => from_right(index).and_then(Option::as_ref),
                    None => None,
                };
                match name {
                    Some(name) if name != field.name() => Arc::new(field.as_ref().clone().with_name(name)),
                    _ => Arc::clone(field),
                }
            })
            .collect();
        Arc::new(Schema::new(fields))
    }
}

fn name_of(expression: &Expr) -> String {
    strong_name(expression)
        .or_else(|| weak_name(expression))
        .unwrap_or_else(|| UNNAMED.to_string())
}

/// A name that survives a cast around it: a column's, a function's.
fn strong_name(expression: &Expr) -> Option<String> {
    let name = match expression {
        Expr::Identifier(name) => return Some(folded(name)),
        Expr::CompoundIdentifier(parts) => return parts.last().map(folded),
        Expr::Function(call) => return function_name(&call.name),
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => return strong_name(inner),
        Expr::Cast { expr, .. } => return strong_name(expr),
        Expr::CompoundFieldAccess { root, .. } => return strong_name(root).or_else(|| weak_name(root)),
        Expr::Subquery(query) => return subquery_name(query),
        Expr::Case {
            else_result: Some(otherwise),
            ..
        } => return strong_name(otherwise),
        Expr::Exists { .. } => "exists",
        Expr::Array(_) => "array",
        Expr::Tuple(_) => "row",
        Expr::Extract { .. } => "extract",
        Expr::Ceil { .. } => "ceil",
        Expr::Floor { .. } => "floor",
        Expr::Position { .. } => "position",
        Expr::Substring { shorthand: true, .. } => "substr",
        Expr::Substring { .. } => "substring",
        Expr::Trim {
            trim_where: Some(TrimWhereField::Leading),
            ..
        } => "ltrim",
        Expr::Trim {
            trim_where: Some(TrimWhereField::Trailing),
            ..
        } => "rtrim",
        Expr::Trim { .. } => "btrim",
        Expr::Overlay { .. } => "overlay",
        Expr::AtTimeZone { .. } => "timezone",
        Expr::BinaryOp {
            op: BinaryOperator::Overlaps,
            ..
        } => "overlaps",
        _ => return None,
    };
    Some(name.to_string())
}

/// A name that gives way to one further inside.
fn weak_name(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => weak_name(inner),
        Expr::Cast { data_type, .. } => Some(type_name(data_type)),
        Expr::TypedString(typed) => Some(type_name(&typed.data_type)),
        Expr::Interval(_) => Some("interval".to_string()),
        Expr::Case { .. } => Some("case".to_string()),
        _ => None,
    }
}

fn function_name(name: &ObjectName) -> Option<String> {
    name.0.last().and_then(|part| part.as_ident()).map(folded)
}

/// A scalar subquery is called as its only column.
fn subquery_name(query: &Query) -> Option<String> {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return None;
    };
    match select.projection.first()? {
        SelectItem::UnnamedExpr(expression) => Some(name_of(expression)),
        SelectItem::ExprWithAlias { alias, .. } => Some(folded(alias)),
        _ => None,
    }
}

/// A type's name in PostgreSQL's catalog.
fn type_name(data_type: &SqlType) -> String {
    let written = data_type.to_string().to_lowercase();
    let base = written.split(['(', '[']).next().unwrap_or(&written).trim();
    match base {
        "int" | "integer" => "int4",
        "smallint" => "int2",
        "bigint" => "int8",
        "real" => "float4",
        "float" | "double" | "double precision" => "float8",
        "boolean" => "bool",
        "decimal" | "dec" => "numeric",
        "character varying" => "varchar",
        "character" | "char" => "bpchar",
        "timestamp with time zone" => "timestamptz",
        "timestamp without time zone" => "timestamp",
        "time with time zone" => "timetz",
        "time without time zone" => "time",
        // A type's precision may stand inside its name.
        "timestamp" if written.ends_with("with time zone") => "timestamptz",
        "time" if written.ends_with("with time zone") => "timetz",
        other => other,
    }
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::statements::{Work, parse};

    fn names(sql: &str) -> Vec<String> {
        let mut parsed = parse(sql).unwrap();
        let Some(Work::Query(mut statement)) = parsed.pop().map(|one| one.work) else {
            panic!("{sql} is no query");
        };
        let names = take_names(&mut statement);
        names.leading.into_iter().map(|name| name.unwrap_or_default()).collect()
    }

    /// The names are PostgreSQL 15's for the same expressions.
    #[test]
    fn expressions_are_called_as_in_postgresql() {
        let cases = [
            ("true", "?column?"),
            ("1", "?column?"),
            ("'x'", "?column?"),
            ("null", "?column?"),
            ("1::int", "int4"),
            ("'1'::text", "text"),
            ("now()::date", "now"),
            ("case when true then 1 end", "case"),
            ("coalesce(1,2)", "coalesce"),
            ("nullif(1,2)", "nullif"),
            ("greatest(1,2)", "greatest"),
            ("exists(select 1)", "exists"),
            ("(select 1)", "?column?"),
            ("(select 1 as z)", "z"),
            ("(select max(1))", "max"),
            ("array[1]", "array"),
            ("extract(epoch from now())", "extract"),
            ("date '2018-01-01'", "date"),
            ("interval '1 day'", "interval"),
            ("timestamptz '2018-01-01'", "timestamptz"),
            ("now() at time zone 'UTC'", "timezone"),
            ("trim('  a')", "btrim"),
            ("substring('abc' from 1 for 2)", "substring"),
            ("position('a' in 'b')", "position"),
            ("1+1", "?column?"),
            ("-1", "?column?"),
            ("not true", "?column?"),
            ("count(*)", "count"),
            ("sum(1) over ()", "sum"),
            ("(array[1,2])[1]", "array"),
            ("'a' || 'b'", "?column?"),
            ("1 in (1)", "?column?"),
            ("null is null", "?column?"),
            ("cast(1 as double precision)", "float8"),
            ("1::varchar(3)", "varchar"),
            ("1::numeric(3,1)", "numeric"),
            ("true::bool", "bool"),
            ("'1'::bigint", "int8"),
            ("ceil(1.5)", "ceil"),
            ("floor(1.5)", "floor"),
            ("overlay('abc' placing 'x' from 1)", "overlay"),
            ("upper('a')", "upper"),
            ("pg_catalog.version()", "version"),
            ("'a'::char(3)", "bpchar"),
            ("'x' collate \"C\"", "?column?"),
            ("1::smallint", "int2"),
            ("1::real", "float4"),
            ("'1'::timestamp(3) with time zone", "timestamptz"),
        ];
        for (expression, expected) in cases {
            assert_eq!(names(&format!("SELECT {expression}")), [expected], "{expression}");
        }
    }

    #[test]
    fn stars_are_counted_from_both_ends_and_names_may_be_shared() {
        let mut parsed = parse("SELECT 1, t.*, 2 AS a, 3 AS a, 1 FROM t").unwrap();
        let Some(Work::Query(mut statement)) = parsed.pop().map(|one| one.work) else {
            panic!("a query");
        };
        let names = take_names(&mut statement);
        assert_eq!(
            statement.to_string(),
            "SELECT 1, t.*, 2 AS a, 3 AS \"a 3\", 1 AS \"?column? 4\" FROM t"
        );
        let engine = ["Int64(1)", "x", "y", "a", "a 3", "?column? 4"];
        let fields: Vec<Field> = engine
            .into_iter()
            .map(|name| Field::new(name, arrow::datatypes::DataType::Int64, true))
            .collect();
        let named = names.apply(Arc::new(Schema::new(fields)));
        let shown: Vec<&str> = named.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(shown, ["?column?", "x", "y", "a", "a", "?column?"]);
    }
}
