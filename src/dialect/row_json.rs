//! `row_to_json(t)` of a subquery in FROM that names its columns. The engine has no rows as values, so the row is written
//! out as its columns.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Query, Select, SelectItem, SetExpr, TableFactor, VisitMut, VisitorMut,
};

use super::calls::{call, catalog_name, folded, plain_arguments, quoted_text};

/// Writes out the rows in a SELECT list.
pub fn write_out(select: &mut Select) {
    let factors = select.from.iter().flat_map(|item| {
        let joined = item.joins.iter().map(|join| &join.relation);
        std::iter::once(&item.relation).chain(joined)
    });
    let rows: HashMap<String, Vec<String>> = factors.filter_map(named_columns).collect();
    if !rows.is_empty() {
        let mut calls = Calls(rows);
        for item in &mut select.projection {
            let _: ControlFlow<()> = VisitMut::visit(item, &mut calls);
        }
    }
}

/// A subquery's alias and the names of its columns, where they are all written.
fn named_columns(factor: &TableFactor) -> Option<(String, Vec<String>)> {
    let TableFactor::Derived {
        subquery,
        alias: Some(alias),
        ..
    } = factor
    else {
        return None;
    };
    let names = if alias.columns.is_empty() {
        written_names(subquery)?
    } else {
        alias.columns.iter().map(|column| folded(&column.name)).collect()
    };
    Some((folded(&alias.name), names))
}

fn written_names(query: &Query) -> Option<Vec<String>> {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return None;
    };
    let name = |item: &SelectItem| match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(folded(alias)),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(folded(name)),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => parts.last().map(folded),
        _ => None,
    };
    select.projection.iter().map(name).collect()
}

struct Calls(HashMap<String, Vec<String>>);

impl VisitorMut for Calls {
    type Break = ();

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if let Some(object) = self.object(expression) {
            *expression = object;
        }
        ControlFlow::Continue(())
    }
}

impl Calls {
    fn object(&self, expression: &Expr) -> Option<Expr> {
        let Expr::Function(function) = expression else {
            return None;
        };
        if catalog_name(&function.name)? != "row_to_json" {
            return None;
        }
        let arguments = plain_arguments(&function.args)?;
        let [Expr::Identifier(row)] = arguments.as_slice() else {
            return None;
        };
        let columns = self.0.get(&folded(row))?;
        let members = columns.iter().flat_map(|column| {
            let value = Expr::CompoundIdentifier(vec![row.clone(), Ident::with_quote('"', column)]);
            [quoted_text(column), value]
        });
        Some(call("row_json", members.collect()))
    }
}
