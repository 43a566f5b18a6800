//! The rules on the syntax tree.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, CastKind, DataType as SqlType, Expr, Function, FunctionArguments, Ident, ObjectName,
    ObjectNamePart, Query, Select, SelectItem, Statement, TableFactor, Visit, VisitMut, Visitor, VisitorMut,
};

use super::calls::{call, catalog_name, folded, plain_arguments, quoted_text};
use super::names::{self, Cast};
use super::{column_names, forms, order_by, row_json, set_returning, system_columns};
use crate::catalog::{self, CATALOG_SCHEMA};
use crate::error::{Error, ErrorKind, Result};

/// A statement in the engine's terms.
pub fn rewrite_syntax(mut statement: Statement) -> Result<Statement> {
    let mut ctes = NamedQueries::default();
    let _ = statement.visit(&mut ctes);
    let mut rules = Rules {
        ctes: ctes.names,
        depth: 0,
        outermost_seen: false,
    };
    match VisitMut::visit(&mut statement, &mut rules) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(statement),
    }
}

/// The names that WITH gives, which stand before the catalog's.
#[derive(Default)]
struct NamedQueries {
    names: HashSet<String>,
}

impl Visitor for NamedQueries {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        self.names.extend(tables.map(|table| folded(&table.alias.name)));
        ControlFlow::Continue(())
    }
}

struct Rules {
    ctes: HashSet<String>,
    depth: usize,
    /// The SELECT that names the result's columns, which the session takes care of, was visited.
    outermost_seen: bool,
}

impl VisitorMut for Rules {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        self.depth += 1;
        order_by::mean_columns(query, self.depth == 1);
        match forms::limit_instead_of_fetch(query) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<Error> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, name: &mut ObjectName) -> ControlFlow<Error> {
        if let [single] = name.0.as_slice()
            && let Some(word) = single.as_ident()
        {
            let word = folded(word);
            if !self.ctes.contains(&word) && catalog::is_catalog_relation(&word) {
                name.0.insert(0, ObjectNamePart::Identifier(Ident::new(CATALOG_SCHEMA)));
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        set_returning::in_from(factor);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        if self.depth == 1 && !self.outermost_seen {
            self.outermost_seen = true;
        } else {
            column_names::name_columns(select);
        }
        system_columns::replace(select);
        row_json::write_out(select);
        for item in &mut select.projection {
            match item {
                SelectItem::UnnamedExpr(expression) => {
                    if let Some(name) = set_returning::name_in_select(expression) {
                        let expr = set_returning::in_select(expression.clone());
                        let alias = Ident::with_quote('"', name);
                        *item = SelectItem::ExprWithAlias { expr, alias };
                    } else {
                        replace_calls(expression);
                    }
                }
                SelectItem::ExprWithAlias { expr, .. } => replace_calls(expr),
                _ => {}
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<Error> {
        match rewritten(expression) {
            Ok(Some(changed)) => *expression = changed,
            Ok(None) => {}
            Err(error) => return ControlFlow::Break(error),
        }
        ControlFlow::Continue(())
    }
}

/// Set-returning functions inside an expression of the SELECT list, but not inside its subqueries.
fn replace_calls(expression: &mut Expr) {
    struct Inner(usize);
    impl VisitorMut for Inner {
        type Break = ();
        fn pre_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
            self.0 += 1;
            ControlFlow::Continue(())
        }
        fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
            self.0 -= 1;
            ControlFlow::Continue(())
        }
        fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
            if self.0 == 0 {
                *expression = set_returning::in_select(expression.clone());
            }
            ControlFlow::Continue(())
        }
    }
    let _ = VisitMut::visit(expression, &mut Inner(0));
}

/// `to_timestamp(text, template)`, a time of the session's zone, and `to_date(text, template)`.
fn by_template(function: &Function) -> Option<Expr> {
    let (name, arguments) = (catalog_name(&function.name)?, plain_arguments(&function.args)?);
    let read = || call("template_time", arguments.clone());
    match (name.as_str(), arguments.len()) {
        ("to_timestamp", 2) => {
            let zone = call("current_setting", vec![quoted_text("TimeZone")]);
            Some(call("timezone", vec![zone, read()]))
        }
        ("to_date", 2) => Some(Expr::Cast {
            kind: CastKind::Cast,
            expr: Box::new(read()),
            data_type: SqlType::Date,
            array: false,
            format: None,
        }),
        _ => None,
    }
}

fn rewritten(expression: &Expr) -> Result<Option<Expr>> {
    if let Some(changed) = forms::rewritten(expression)? {
        return Ok(Some(changed));
    }
    Ok(match expression {
        Expr::Subquery(query) => forms::without_rows(query),
        Expr::Identifier(name) if name.quote_style.is_none() && name.value.eq_ignore_ascii_case("current_schema") => {
            Some(call("current_schema", vec![]))
        }
        Expr::Function(function) => {
            let is_array = function.name.to_string().eq_ignore_ascii_case("array");
            if let (true, FunctionArguments::Subquery(query)) = (is_array, &function.args) {
                return Ok(Some(call("array_of_subquery", vec![Expr::Subquery(query.clone())])));
            }
            if let Some(time) = by_template(function) {
                return Ok(Some(time));
            }
            if function.name.0.len() < 2 {
                return Ok(None);
            }
            catalog_name(&function.name).map(|name| {
                let mut renamed = function.clone();
                renamed.name = ObjectName::from(vec![Ident::new(name)]);
                Expr::Function(renamed)
            })
        }
        Expr::BinaryOp {
            left,
            op: BinaryOperator::PGCustomBinaryOperator(parts),
            right,
        } => Some(Expr::BinaryOp {
            left: left.clone(),
            op: operator(parts)?,
            right: right.clone(),
        }),
        Expr::CompoundFieldAccess { root, access_chain } => named_fields(root, access_chain),
        Expr::Collate { expr, collation } => {
            check_collation(collation)?;
            Some(expr.as_ref().clone())
        }
        Expr::Cast {
            kind: kind @ (CastKind::Cast | CastKind::DoubleColon),
            expr,
            data_type,
            array,
            format,
        } => names::cast(expr, data_type).map(|cast| match cast {
            Cast::Call(call) => *call,
            Cast::Type(data_type) => Expr::Cast {
                kind: kind.clone(),
                expr: expr.clone(),
                data_type,
                array: *array,
                format: format.clone(),
            },
        }),
        Expr::AnyOp {
            left,
            compare_op,
            right,
            ..
        } => compared_with("any_of", left, compare_op, right),
        Expr::AllOp {
            left,
            compare_op,
            right,
        } => compared_with("all_of", left, compare_op, right),
        _ => None,
    })
}

/// `(value).field` as the engine writes it, with the field's name as a text. What begins with a plain name, as in
/// `relation.column[1]`, the engine reads by itself.
fn named_fields(root: &Expr, chain: &[AccessExpr]) -> Option<Expr> {
    if matches!(root, Expr::Identifier(_)) {
        return None;
    }
    let named = |access: &AccessExpr| match access {
        AccessExpr::Dot(Expr::Identifier(field)) => AccessExpr::Dot(quoted_text(&folded(field))),
        other => other.clone(),
    };
    let changed: Vec<AccessExpr> = chain.iter().map(named).collect();
    (changed != chain).then(|| Expr::CompoundFieldAccess {
        root: Box::new(root.clone()),
        access_chain: changed,
    })
}

/// `= ANY (array)` and its kin. Against a subquery, `= ANY` is IN and `<> ALL` is NOT IN; the rest is the engine's.
fn compared_with(function: &str, left: &Expr, operator: &BinaryOperator, right: &Expr) -> Option<Expr> {
    let subquery = match right {
        Expr::Subquery(query) => Some(query),
        Expr::Nested(inner) => match inner.as_ref() {
            Expr::Subquery(query) => Some(query),
            _ => None,
        },
        _ => None,
    };
    if let Some(query) = subquery {
        let negated = match (function, operator) {
            ("any_of", BinaryOperator::Eq) => false,
            ("all_of", BinaryOperator::NotEq) => true,
            _ => return None,
        };
        return Some(Expr::InSubquery {
            expr: Box::new(left.clone()),
            subquery: query.clone(),
            negated,
        });
    }
    let operator = quoted_text(&operator.to_string());
    Some(call(function, vec![operator, left.clone(), right.clone()]))
}

/// `OPERATOR(pg_catalog.~)` is the operator itself.
fn operator(parts: &[String]) -> Result<BinaryOperator> {
    let unknown = || {
        Error::new(
            ErrorKind::UndefinedFunction,
            format!("operator does not exist: {}", parts.join(".")),
        )
    };
    let name = match parts {
        [name] => name,
        [schema, name] if schema.eq_ignore_ascii_case(CATALOG_SCHEMA) => name,
        _ => return Err(unknown()),
    };
    Ok(match name.as_str() {
        "=" => BinaryOperator::Eq,
        "<>" | "!=" => BinaryOperator::NotEq,
        "<" => BinaryOperator::Lt,
        "<=" => BinaryOperator::LtEq,
        ">" => BinaryOperator::Gt,
        ">=" => BinaryOperator::GtEq,
        "+" => BinaryOperator::Plus,
        "-" => BinaryOperator::Minus,
        "*" => BinaryOperator::Multiply,
        "/" => BinaryOperator::Divide,
        "%" => BinaryOperator::Modulo,
        "||" => BinaryOperator::StringConcat,
        "~" => BinaryOperator::PGRegexMatch,
        "~*" => BinaryOperator::PGRegexIMatch,
        "!~" => BinaryOperator::PGRegexNotMatch,
        "!~*" => BinaryOperator::PGRegexNotIMatch,
        "~~" => BinaryOperator::PGLikeMatch,
        "~~*" => BinaryOperator::PGILikeMatch,
        "!~~" => BinaryOperator::PGNotLikeMatch,
        "!~~*" => BinaryOperator::PGNotILikeMatch,
        _ => return Err(unknown()),
    })
}

/// Text is compared by its bytes; the collations that say so change nothing.
fn check_collation(name: &ObjectName) -> Result<()> {
    let known = catalog_name(name).is_some_and(|name| matches!(name.as_str(), "default" | "C" | "POSIX" | "ucs_basic"));
    if known {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::UndefinedObject,
        format!(
            "collation \"{}\" for encoding \"UTF8\" does not exist",
            name.to_string().trim_matches('"')
        ),
    )
    .with_hint("text is compared by its bytes: default, \"C\", \"POSIX\" and ucs_basic are known"))
}
