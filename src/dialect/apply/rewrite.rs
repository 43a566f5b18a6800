//! The rule that puts `Apply` where the engine has no join for a subquery.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::datatypes::Field;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::expr::{Exists, InSubquery, Placeholder, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{
    Aggregate, Distinct, DistinctOn, Expr, Extension, Filter, Join, JoinType, LogicalPlan, LogicalPlanBuilder,
    Operator, Projection, Subquery, binary_expr, lit,
};

use super::ARRAY_OF_SUBQUERY;
use super::node::{Apply, Shape, Subplan};
use crate::error::Error;

/// Numbers for columns and parameters, so that no two plans share one.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Applies the rule to a plan and to the subqueries in it.
pub fn rewrite(plan: LogicalPlan, state: &SessionState) -> Result<LogicalPlan> {
    Ok(plan.transform_up(|node| rewrite_node(node, state))?.data)
}

fn rewrite_node(node: LogicalPlan, state: &SessionState) -> Result<Transformed<LogicalPlan>> {
    match node {
        // A lateral item that stands first depends on the query around it only.
        LogicalPlan::Subquery(lateral) => Ok(Transformed::yes(Arc::unwrap_or_clone(lateral.subquery))),
        LogicalPlan::Join(join) => rewrite_join(join, state),
        LogicalPlan::Distinct(Distinct::On(distinct)) if distinct.select_expr.iter().any(subquery_inside) => {
            rewrite_distinct(distinct, state)
        }
        LogicalPlan::Filter(_)
        | LogicalPlan::Projection(_)
        | LogicalPlan::Aggregate(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Window(_)
            if has_subquery(&node)? =>
        {
            rewrite_expressions(node, state)
        }
        other => Ok(Transformed::no(other)),
    }
}

/// DISTINCT ON takes no subqueries in what it selects: they are columns of its input.
fn rewrite_distinct(distinct: DistinctOn, state: &SessionState) -> Result<Transformed<LogicalPlan>> {
    let mut columns: Vec<Expr> = distinct
        .input
        .schema()
        .columns()
        .into_iter()
        .map(Expr::Column)
        .collect();
    let select = distinct.select_expr.into_iter().map(|expression| {
        if !subquery_inside(&expression) {
            return expression;
        }
        let (qualifier, shown) = expression.qualified_name();
        let name = format!("distinct {}", NEXT.fetch_add(1, Ordering::Relaxed));
        columns.push(expression.unalias().alias(&name));
        Expr::Column(Column::new_unqualified(name)).alias_qualified(qualifier, shown)
    });
    let select: Vec<Expr> = select.collect();
    let below = LogicalPlan::Projection(Projection::try_new(columns, distinct.input)?);
    let below = rewrite_expressions(below, state)?.data;
    let distinct = DistinctOn::try_new(distinct.on_expr, select, distinct.sort_expr, Arc::new(below))?;
    Ok(Transformed::yes(LogicalPlan::Distinct(Distinct::On(distinct))))
}

fn has_subquery(node: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    node.apply_expressions(|expression| {
        found = found || expression.exists(|one| Ok(subquery_of(one).is_some()))?;
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

fn subquery_of(expression: &Expr) -> Option<&Subquery> {
    match expression {
        Expr::ScalarSubquery(subquery)
        | Expr::Exists(Exists { subquery, .. })
        | Expr::InSubquery(InSubquery { subquery, .. }) => Some(subquery),
        _ => None,
    }
}

/// A join whose right side depends on its left.
fn rewrite_join(join: Join, state: &SessionState) -> Result<Transformed<LogicalPlan>> {
    let depends = join.right.all_out_ref_exprs().iter().any(
        |reference| matches!(reference, Expr::OuterReferenceColumn(_, column) if join.left.schema().has_column(column)),
    );
    let mut conditions: Vec<Expr> = join
        .on
        .iter()
        .map(|(left, right)| binary_expr(left.clone(), Operator::Eq, right.clone()))
        .collect();
    conditions.extend(
        join.filter
            .iter()
            .flat_map(|filter| split_conjunction(filter).into_iter().cloned()),
    );
    let in_condition = conditions
        .iter()
        .map(|condition| condition.exists(|one| Ok(subquery_of(one).is_some())))
        .collect::<Result<Vec<bool>>>()?
        .contains(&true);
    if !depends {
        if !in_condition || join.join_type != JoinType::Inner {
            return Ok(Transformed::no(LogicalPlan::Join(join)));
        }
        // An inner join is the product, filtered.
        let product = LogicalPlanBuilder::from(Arc::unwrap_or_clone(join.left))
            .cross_join(Arc::unwrap_or_clone(join.right))?
            .build()?;
        return filtered(product, conditions, state);
    }
    conditions.retain(|condition| *condition != lit(true));
    let outer = match join.join_type {
        JoinType::Inner => false,
        JoinType::Left if conditions.is_empty() => true,
        _ => return Err(Error::not_supported("this kind of join with a LATERAL subquery").into()),
    };
    let right = Arc::unwrap_or_clone(join.right);
    let applied = Applied::new(right, Arc::unwrap_or_clone(join.left), state)?.rows(outer)?;
    filtered(applied, conditions, state)
}

fn filtered(plan: LogicalPlan, conditions: Vec<Expr>, state: &SessionState) -> Result<Transformed<LogicalPlan>> {
    let Some(condition) = conjunction(conditions) else {
        return Ok(Transformed::yes(plan));
    };
    let filter = LogicalPlan::Filter(Filter::try_new(condition, Arc::new(plan))?);
    if has_subquery(&filter)? {
        return rewrite_expressions(filter, state);
    }
    Ok(Transformed::yes(filter))
}

/// Replaces the subqueries in a node's expressions by columns of `Apply` below it.
fn rewrite_expressions(node: LogicalPlan, state: &SessionState) -> Result<Transformed<LogicalPlan>> {
    let Some(input) = node.inputs().first().map(|input| (*input).clone()) else {
        return Ok(Transformed::no(node));
    };
    let own_columns: Vec<Column> = input.schema().columns();
    let mut replacing = Replacing { input, state };
    let names = NamePreserver::new(&node);
    let rewritten = match node {
        LogicalPlan::Filter(filter) => {
            let conditions: Result<Vec<Expr>> = split_conjunction(&filter.predicate)
                .into_iter()
                .map(|condition| replacing.condition(condition.clone()))
                .collect();
            let condition = conjunction(conditions?).unwrap_or_else(|| lit(true));
            let filter = Filter::try_new(condition, Arc::new(replacing.input))?;
            narrowed(LogicalPlan::Filter(filter), own_columns)?
        }
        LogicalPlan::Projection(projection) => {
            let expressions = replacing.named(projection.expr, &names)?;
            LogicalPlan::Projection(Projection::try_new(expressions, Arc::new(replacing.input))?)
        }
        LogicalPlan::Aggregate(aggregate) => {
            let groups = replacing.named(aggregate.group_expr, &names)?;
            let values = replacing.named(aggregate.aggr_expr, &names)?;
            LogicalPlan::Aggregate(Aggregate::try_new(Arc::new(replacing.input), groups, values)?)
        }
        other => {
            let expressions = replacing.named(other.expressions(), &names)?;
            let columns = other.schema().columns();
            narrowed(other.with_new_exprs(expressions, vec![replacing.input])?, columns)?
        }
    };
    Ok(Transformed::yes(rewritten))
}

/// The plan without the columns that were added for subqueries.
fn narrowed(plan: LogicalPlan, columns: Vec<Column>) -> Result<LogicalPlan> {
    if plan.schema().fields().len() == columns.len() {
        return Ok(plan);
    }
    LogicalPlanBuilder::from(plan)
        .project(columns.into_iter().map(Expr::Column))?
        .build()
}

struct Replacing<'a> {
    input: LogicalPlan,
    state: &'a SessionState,
}

impl Replacing<'_> {
    fn named(&mut self, expressions: Vec<Expr>, names: &NamePreserver) -> Result<Vec<Expr>> {
        expressions
            .into_iter()
            .map(|expression| {
                let name = names.save(&expression);
                Ok(name.restore(self.expression(expression)?))
            })
            .collect()
    }

    /// A condition that stands alone in WHERE: the engine has semi-joins for most EXISTS and IN.
    fn condition(&mut self, condition: Expr) -> Result<Expr> {
        let whole = match &condition {
            Expr::Not(inner) => inner.as_ref(),
            other => other,
        };
        if let Expr::Exists(Exists { subquery, .. }) | Expr::InSubquery(InSubquery { subquery, .. }) = whole
            && self.is_semi_join(subquery)?
        {
            return self.inside(condition);
        }
        self.expression(condition)
    }

    fn expression(&mut self, expression: Expr) -> Result<Expr> {
        let replaced = expression.transform_down(|one| {
            let (column, negated) = match &one {
                Expr::ScalarFunction(ScalarFunction { func, args }) if func.name() == ARRAY_OF_SUBQUERY => {
                    let Some(Expr::ScalarSubquery(subquery)) = args.first() else {
                        return Ok(Transformed::no(one));
                    };
                    (self.value(subquery, Shape::Array)?, false)
                }
                Expr::ScalarSubquery(subquery) if self.is_join(subquery)? => {
                    let kept = self.inside(one)?;
                    return Ok(Transformed::new(kept, true, TreeNodeRecursion::Jump));
                }
                Expr::ScalarSubquery(subquery) => (self.value(subquery, Shape::Scalar)?, false),
                Expr::Exists(Exists { subquery, negated }) => (self.value(subquery, Shape::Exists)?, *negated),
                Expr::InSubquery(InSubquery {
                    expr,
                    subquery,
                    negated,
                }) => {
                    let all = self.value(subquery, Shape::Array)?;
                    let arguments = vec![lit("="), self.expression(expr.as_ref().clone())?, all];
                    let found = self.state.scalar_functions().get("any_of").cloned();
                    let any = found.ok_or_else(|| Error::internal("no function any_of"))?;
                    (Expr::ScalarFunction(ScalarFunction::new_udf(any, arguments)), *negated)
                }
                _ => return Ok(Transformed::no(one)),
            };
            let value = if negated { Expr::Not(Box::new(column)) } else { column };
            Ok(Transformed::new(value, true, TreeNodeRecursion::Jump))
        })?;
        Ok(replaced.data)
    }

    /// A subquery's value as a column of the input, which from now on runs the subquery too.
    fn value(&mut self, subquery: &Subquery, shape: Shape) -> Result<Expr> {
        let inner = rewrite(subquery.subquery.as_ref().clone(), self.state)?;
        let (input, column) = Applied::new(inner, self.input.clone(), self.state)?.value(shape)?;
        self.input = input;
        Ok(Expr::Column(column))
    }

    /// Applies the rule inside subqueries that the engine takes as they are.
    fn inside(&self, expression: Expr) -> Result<Expr> {
        let changed = expression.transform_down(|one| {
            let renewed = |subquery: Subquery| -> Result<Subquery> {
                let plan = rewrite(subquery.subquery.as_ref().clone(), self.state)?;
                Ok(subquery.with_plan(Arc::new(plan)))
            };
            Ok(Transformed::yes(match one {
                Expr::ScalarSubquery(subquery) => Expr::ScalarSubquery(renewed(subquery)?),
                Expr::Exists(exists) => Expr::Exists(Exists {
                    subquery: renewed(exists.subquery)?,
                    ..exists
                }),
                Expr::InSubquery(within) => Expr::InSubquery(InSubquery {
                    subquery: renewed(within.subquery)?,
                    ..within
                }),
                other => return Ok(Transformed::no(other)),
            }))
        })?;
        Ok(changed.data)
    }

    /// Whether the engine joins a scalar subquery: it depends on nothing, or it is an aggregate over equalities.
    fn is_join(&self, subquery: &Subquery) -> Result<bool> {
        if subquery.outer_ref_columns.is_empty() && subquery.subquery.all_out_ref_exprs().is_empty() {
            return Ok(!has_lateral(&subquery.subquery)?);
        }
        let mut plan = subquery.subquery.as_ref();
        loop {
            match plan {
                LogicalPlan::Projection(Projection { input, expr, .. }) if !expr.iter().any(Expr::contains_outer) => {
                    plan = input;
                }
                LogicalPlan::SubqueryAlias(alias) => plan = &alias.input,
                LogicalPlan::Aggregate(aggregate)
                    if aggregate.group_expr.is_empty() && !aggregate.aggr_expr.iter().any(Expr::contains_outer) =>
                {
                    return self.only_equalities(&aggregate.input);
                }
                _ => return Ok(false),
            }
        }
    }

    /// Whether the engine makes EXISTS or IN a semi-join.
    fn is_semi_join(&self, subquery: &Subquery) -> Result<bool> {
        let mut plan = subquery.subquery.as_ref();
        while let LogicalPlan::Projection(Projection { input, expr, .. }) = plan {
            if expr.iter().any(Expr::contains_outer) {
                return Ok(false);
            }
            plan = input;
        }
        self.only_equalities(plan)
    }

    /// Plain tables, joined and filtered, where the columns of outside stand in equalities with own columns only.
    fn only_equalities(&self, plan: &LogicalPlan) -> Result<bool> {
        let mut fits = true;
        plan.apply(|node| {
            fits = match node {
                LogicalPlan::Filter(filter) => split_conjunction(&filter.predicate)
                    .into_iter()
                    .all(|condition| self.is_equality(condition)),
                LogicalPlan::TableScan(_) | LogicalPlan::SubqueryAlias(_) | LogicalPlan::EmptyRelation(_) => true,
                LogicalPlan::Join(join) => join.filter.iter().all(|filter| !filter.contains_outer()),
                other => other.all_out_ref_exprs().is_empty() && !has_lateral(other)?,
            };
            Ok(if fits {
                TreeNodeRecursion::Continue
            } else {
                TreeNodeRecursion::Stop
            })
        })?;
        Ok(fits)
    }

    fn is_equality(&self, condition: &Expr) -> bool {
        if subquery_inside(condition) {
            return false;
        }
        if !condition.contains_outer() {
            return true;
        }
        let Expr::BinaryExpr(comparison) = condition else {
            return false;
        };
        let is_outer = |side: &Expr| matches!(side, Expr::OuterReferenceColumn(_, column) if self.input.schema().has_column(column));
        let is_own = |side: &Expr| matches!(side, Expr::Column(_));
        comparison.op == Operator::Eq
            && (is_outer(&comparison.left) && is_own(&comparison.right)
                || is_own(&comparison.left) && is_outer(&comparison.right))
    }
}

fn subquery_inside(expression: &Expr) -> bool {
    // The closure never fails.
    expression.exists(|one| Ok(subquery_of(one).is_some())).unwrap_or(true)
}

/// Whether a plan holds a lateral item or an array of a subquery, which only this rule knows.
fn has_lateral(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply(|node| {
        found = found || matches!(node, LogicalPlan::Subquery(_)) && !node.all_out_ref_exprs().is_empty();
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// A subquery with its parameters, over an input that gives their values.
struct Applied {
    input: LogicalPlan,
    arguments: Vec<Expr>,
    /// The subquery's own names; its types are those of the optimised plan.
    schema: Arc<DFSchema>,
    subplan: Arc<Subplan>,
}

impl Applied {
    fn new(subquery: LogicalPlan, input: LogicalPlan, state: &SessionState) -> Result<Self> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let references = subquery.all_out_ref_exprs();
        let mut parameters = Vec::new();
        let mut arguments = Vec::new();
        for (index, reference) in references.iter().enumerate() {
            parameters.push(format!("outer_{number}_{index}"));
            arguments.push(match reference {
                Expr::OuterReferenceColumn(_, column) if input.schema().has_column(column) => {
                    Expr::Column(column.clone())
                }
                // It belongs to a query further outside, which will give it a value in turn.
                other => other.clone(),
            });
        }
        let schema = Arc::clone(subquery.schema());
        let with_parameters = subquery.transform_up(|node| {
            let names = NamePreserver::new(&node);
            let changed = node.map_expressions(|expression| {
                let name = names.save(&expression);
                let changed = expression.transform_up(|one| {
                    let Some(index) = references.iter().position(|reference| *reference == one) else {
                        return Ok(Transformed::no(one));
                    };
                    let Expr::OuterReferenceColumn(field, _) = one else {
                        return Ok(Transformed::no(one));
                    };
                    let id = format!("${}", parameters[index]);
                    Ok(Transformed::yes(Expr::Placeholder(Placeholder::new_with_field(
                        id,
                        Some(field),
                    ))))
                })?;
                Ok(changed.update_data(|data| name.restore(data)))
            })?;
            changed.map_data(LogicalPlan::recompute_schema)
        })?;
        let plan = state.optimize(&with_parameters.data)?;
        Ok(Self {
            input,
            arguments,
            schema,
            subplan: Arc::new(Subplan {
                plan,
                parameters,
                state: state.clone(),
            }),
        })
    }

    /// As a join of the input with the subquery's rows.
    fn rows(self, outer: bool) -> Result<LogicalPlan> {
        let types = self.subplan.plan.schema().fields();
        let added = self
            .schema
            .iter()
            .zip(types)
            .map(|((qualifier, field), typed)| {
                let field =
                    Field::new(field.name(), typed.data_type().clone(), true).with_metadata(field.metadata().clone());
                (qualifier.cloned(), Arc::new(field))
            })
            .collect();
        let apply = Apply::try_new(self.input, self.arguments, self.subplan, Shape::Rows { outer }, added)?;
        Ok(LogicalPlan::Extension(Extension { node: Arc::new(apply) }))
    }

    /// As one more column of the input.
    fn value(self, shape: Shape) -> Result<(LogicalPlan, Column)> {
        let first = self.subplan.plan.schema().fields().first().cloned();
        let first = first.ok_or_else(|| Error::internal("a subquery without columns"))?;
        let name = format!("subquery {}", NEXT.fetch_add(1, Ordering::Relaxed));
        let data_type = Apply::value_type(shape, first.data_type());
        let field = Field::new(&name, data_type, true);
        let field = match shape {
            Shape::Scalar => field.with_metadata(first.metadata().clone()),
            _ => field,
        };
        let added = vec![(None, Arc::new(field))];
        let apply = Apply::try_new(self.input, self.arguments, self.subplan, shape, added)?;
        let plan = LogicalPlan::Extension(Extension { node: Arc::new(apply) });
        Ok((plan, Column::new_unqualified(name)))
    }
}
