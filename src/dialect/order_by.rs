//! ORDER BY. In PostgreSQL only a name that stands alone is a result's; inside an expression it is a column of the
//! tables. The engine looks every name up among the results first, and so takes the `x` of
//! `SELECT -x AS x … ORDER BY -x` for the negative one, and refuses `SELECT sum(x) AS x … ORDER BY sum(x)`.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, OrderByExpr, OrderByKind, Query, Select, SelectItem, SetExpr, TableFactor, visit_expressions,
    visit_expressions_mut,
};

use super::calls::{folded, whole};

/// Makes the expressions of a query's ORDER BY mean the columns of its tables. The results of the outermost query may be
/// renamed for that: the session gives them their names when they leave.
pub fn mean_columns(query: &mut Query, outermost: bool) {
    let (SetExpr::Select(select), Some(order)) = (query.body.as_mut(), query.order_by.as_mut()) else {
        return;
    };
    let OrderByKind::Expressions(keys) = &mut order.kind else {
        return;
    };
    let results = other_results(select);
    let mut in_the_way = Vec::new();
    for OrderByExpr { expr, .. } in keys.iter_mut() {
        let mentioned = mentioned(expr, &results);
        if matches!(expr, Expr::Identifier(_)) || mentioned.is_empty() {
            continue;
        }
        if let Some(position) = position(select, expr) {
            *expr = whole(position);
        } else if outermost {
            in_the_way.extend(mentioned);
        } else if let Some(table) = only_table(select) {
            qualify(expr, &table, &mentioned);
        }
    }
    for name in in_the_way {
        rename(select, keys, &name);
    }
}

/// Gives a result another name, also where it stands alone in ORDER BY.
fn rename(select: &mut Select, keys: &mut [OrderByExpr], name: &str) {
    let other = Ident::with_quote('"', format!("{name} of the result"));
    for item in &mut select.projection {
        if let SelectItem::ExprWithAlias { alias, .. } = item
            && folded(alias) == name
        {
            *alias = other.clone();
        }
    }
    for OrderByExpr { expr, .. } in keys {
        if matches!(expr, Expr::Identifier(key) if folded(key) == name) {
            *expr = Expr::Identifier(other.clone());
        }
    }
}

/// The names of results that are not simply the column of that name.
fn other_results(select: &Select) -> Vec<String> {
    let named = select.projection.iter().filter_map(|item| match item {
        SelectItem::ExprWithAlias { expr, alias } => Some((expr, folded(alias))),
        _ => None,
    });
    named
        .filter(|(expression, name)| column_name(expression).as_ref() != Some(name))
        .map(|(_, name)| name)
        .collect()
}

fn column_name(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Identifier(name) => Some(folded(name)),
        Expr::CompoundIdentifier(parts) => parts.last().map(folded),
        _ => None,
    }
}

/// Which of the results' names an expression uses.
fn mentioned(expression: &Expr, results: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let _ = visit_expressions(expression, |one: &Expr| {
        if let Expr::Identifier(name) = one
            && results.contains(&folded(name))
        {
            found.push(folded(name));
        }
        ControlFlow::<()>::Continue(())
    });
    found
}

/// Where in the SELECT list the same expression stands, counted from 1. Behind a star nobody can count.
fn position(select: &Select, expression: &Expr) -> Option<u32> {
    let countable = select
        .projection
        .iter()
        .map_while(|item| match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
            _ => None,
        })
        .position(|item| bare(item) == bare(expression));
    countable.and_then(|index| u32::try_from(index + 1).ok())
}

fn bare(expression: &Expr) -> &Expr {
    match expression {
        Expr::Nested(inner) => bare(inner),
        other => other,
    }
}

/// The name of the table that all columns are of, if there is only one.
fn only_table(select: &Select) -> Option<Ident> {
    let [from] = select.from.as_slice() else {
        return None;
    };
    match &from.relation {
        _ if !from.joins.is_empty() => None,
        TableFactor::Table { alias: Some(alias), .. } | TableFactor::Derived { alias: Some(alias), .. } => {
            Some(alias.name.clone())
        }
        TableFactor::Table { name, args: None, .. } => name.0.last()?.as_ident().cloned(),
        _ => None,
    }
}

/// Says of which table the ambiguous names are. A subquery's names may be its own.
fn qualify(expression: &mut Expr, table: &Ident, results: &[String]) {
    let subquery = visit_expressions(expression, |one: &Expr| match one {
        Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    if subquery.is_break() {
        return;
    }
    let _ = visit_expressions_mut(expression, |one: &mut Expr| {
        if let Expr::Identifier(name) = one
            && results.contains(&folded(name))
        {
            *one = Expr::CompoundIdentifier(vec![table.clone(), name.clone()]);
        }
        ControlFlow::<()>::Continue(())
    });
}
