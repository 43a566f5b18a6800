//! The columns that every relation of PostgreSQL has without listing them: `tableoid`, `ctid`, `xmin` and their kin.
//! Here they are the same for all rows of a relation.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Query, Select, TableFactor, TableWithJoins, VisitMut, VisitorMut};

use super::calls::{call, folded, quoted_text};

/// Puts constants in the places of a SELECT's system columns.
pub fn replace(select: &mut Select) {
    let relations = relations_of(&select.from);
    if relations.is_empty() {
        return;
    }
    // The closure never breaks.
    let _ = VisitMut::visit(select, &mut Columns { relations, depth: 0 });
}

/// The relations in FROM by the names under which their columns are found; empty where there is none.
fn relations_of(from: &[TableWithJoins]) -> HashMap<String, Option<String>> {
    let mut relations = HashMap::new();
    let joined = from.iter().flat_map(|one| {
        let rest = one.joins.iter().map(|join| &join.relation);
        std::iter::once(&one.relation).chain(rest)
    });
    for factor in joined {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                ..
            } => {
                let last = name.0.last().and_then(|part| part.as_ident());
                let found_as = alias.as_ref().map(|alias| &alias.name).or(last);
                relations.extend(found_as.map(|ident| (folded(ident), Some(name.to_string()))));
            }
            TableFactor::Derived { alias: Some(alias), .. } => {
                relations.insert(folded(&alias.name), None);
            }
            _ => {}
        }
    }
    relations
}

struct Columns {
    relations: HashMap<String, Option<String>>,
    depth: usize,
}

impl Columns {
    fn value(&self, expression: &Expr) -> Option<Expr> {
        match expression {
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [relation, column] => {
                    let name = self.relations.get(&folded(relation))?.as_ref()?;
                    value_of(&folded(column), name)
                }
                _ => None,
            },
            Expr::Identifier(column) if self.depth == 0 && self.relations.len() == 1 => {
                let name = self.relations.values().next()?.as_ref()?;
                value_of(&folded(column), name)
            }
            _ => None,
        }
    }
}

fn value_of(column: &str, relation: &str) -> Option<Expr> {
    Some(match column {
        "tableoid" => call("oid", vec![call("regclass", vec![quoted_text(relation)])]),
        "ctid" => quoted_text("(0,0)"),
        "xmin" | "xmax" | "cmin" | "cmax" => call("oid", vec![quoted_text("1")]),
        _ => return None,
    })
}

impl VisitorMut for Columns {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if let Some(value) = self.value(expression) {
            *expression = value;
        }
        ControlFlow::Continue(())
    }
}
