//! The common half of the aggregates: an [`AggregateFunction`] says what a row adds and what the sum means,
//! [`AggregateUdf`] does the rest: partial states, groups, window frames.

use crate::arguments::{self, Columns, Content, Parameter, Row};
use crate::results::Output;
use crate::sliding::SlidingFrame;
use crate::{FunctionError, Interrupt};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Builder, ListArray, ListBuilder};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, Documentation, EmitTo, GroupsAccumulator, Signature,
};
use datafusion::physical_expr::expressions::Literal;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

/// An aggregate over rows of numbers. Rows with a NULL argument are skipped; a NaN makes the result NaN.
pub(crate) trait AggregateFunction: Debug + Clone + PartialEq + Eq + Hash + Send + Sync + 'static {
    const NAME: &'static str;
    const PARAMETERS: &'static [Parameter];
    type State: State;
    type Output: Output;

    fn update(&self, state: &mut Self::State, row: &Row) -> Result<(), FunctionError>;

    fn evaluate(&self, state: &Self::State) -> Result<Option<Self::Output>, FunctionError>;

    fn documentation(&self) -> Option<&Documentation>;
}

/// What is known of a group. Travels between partitions as a list of doubles.
pub(crate) trait State: Default + Clone + Debug + Send + Sync + 'static {
    fn merge(&mut self, other: Self) -> Result<(), FunctionError>;

    fn write(&self, values: &mut Vec<f64>);

    /// Reads what `write` wrote; missing values are zeros.
    fn read(values: &[f64]) -> Self;

    /// Whether a state holds memory outside the struct itself; with millions of groups it is too many to ask each.
    const HOLDS_HEAP: bool = false;

    /// Bytes held outside the struct itself.
    fn heap_size(&self) -> usize {
        0
    }
}

/// An argument that must be the same in every row of a group: a confidence, a method.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Constant(Option<f64>);

impl Constant {
    pub fn value(&self) -> Option<f64> {
        self.0
    }

    pub fn set(&mut self, argument: &str, given: f64) -> Result<(), FunctionError> {
        match self.0 {
            Some(known) if known != given => Err(FunctionError::invalid_argument(format_args!(
                "{argument} must be the same in every row of a group"
            ))),
            _ => {
                self.0 = Some(given);
                Ok(())
            }
        }
    }

    pub fn merge(&mut self, argument: &str, other: Self) -> Result<(), FunctionError> {
        other.0.map_or(Ok(()), |given| self.set(argument, given))
    }

    /// NaN, which no row can set, stands for "not known yet".
    pub fn stored(&self) -> f64 {
        self.0.unwrap_or(f64::NAN)
    }

    pub fn from_stored(stored: f64) -> Self {
        Self((!stored.is_nan()).then_some(stored))
    }
}

/// An [`AggregateFunction`] as the engine wants it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct AggregateUdf<F: AggregateFunction> {
    function: F,
    signature: Signature,
}

pub(crate) fn aggregate_function<F: AggregateFunction>(function: F) -> Arc<AggregateUDF> {
    let signature = arguments::signature(F::PARAMETERS);
    Arc::new(AggregateUDF::from(AggregateUdf { function, signature }))
}

fn state_type() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Float64, true)))
}

impl<F: AggregateFunction> AggregateUDFImpl for AggregateUdf<F> {
    fn name(&self) -> &str {
        F::NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        arguments::coerce(F::NAME, F::PARAMETERS, given)
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(F::Output::data_type())
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(
            format_state_name(args.name, "state"),
            state_type(),
            true,
        ))])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        check_arguments::<F>(&args)?;
        Ok(Box::new(Groups {
            function: self.function.clone(),
            groups: vec![Group::default()],
        }))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        check_arguments::<F>(&args)?;
        Ok(Box::new(SlidingFrame::new(self.function.clone())))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        check_arguments::<F>(&args)?;
        Ok(Box::new(Groups {
            function: self.function.clone(),
            groups: vec![],
        }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.function.documentation()
    }
}

/// Refuses, before any row is read, an unknown method name that is written as a literal, and DISTINCT, which would
/// silently drop equal windows.
fn check_arguments<F: AggregateFunction>(args: &AccumulatorArgs) -> Result<()> {
    if args.is_distinct {
        let message = format!(
            "{} does not support DISTINCT: equal rows are different windows",
            F::NAME
        );
        return Err(FunctionError::new(crate::FunctionErrorKind::Unsupported, message).into());
    }
    let literals: Vec<Option<&ScalarValue>> = args
        .exprs
        .iter()
        .map(|expr| expr.downcast_ref::<Literal>().map(Literal::value))
        .collect();
    arguments::check_literal_choices(F::PARAMETERS, &literals)
}

/// One group: its state and how many of its rows were not numbers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Group<S> {
    nan_rows: f64,
    state: S,
}

impl<S: State> Group<S> {
    fn read(values: &[f64]) -> Self {
        let (nan_rows, values) = values.split_first().unwrap_or((&0.0, &[]));
        Self {
            nan_rows: *nan_rows,
            state: S::read(values),
        }
    }

    pub fn merge(&mut self, other: Self) -> Result<(), FunctionError> {
        self.nan_rows += other.nan_rows;
        self.state.merge(other.state)
    }

    pub fn heap_size(&self) -> usize {
        self.state.heap_size()
    }
}

/// What the rows of a group mean: nothing but NaN once one of them was not a number.
pub(crate) fn evaluate_group<F: AggregateFunction>(function: &F, group: &Group<F::State>) -> Result<Option<F::Output>> {
    if group.nan_rows > 0.0 {
        return Ok(F::Output::nan());
    }
    Ok(function.evaluate(&group.state)?)
}

/// Each row as a group of its own; empty where the filter or a NULL leaves it out.
pub(crate) fn single_groups<F: AggregateFunction>(
    function: &F,
    values: &[ArrayRef],
    filter: Option<&BooleanArray>,
) -> Result<Vec<Group<F::State>>> {
    let rows = values.first().map_or(0, |array| array.len());
    let mut each = Groups {
        function: function.clone(),
        groups: vec![Group::default(); rows],
    };
    each.add(values, |row| passes(filter, row).then_some(row))?;
    Ok(each.groups)
}

/// All groups of one partition, or the single group of an aggregate without GROUP BY.
#[derive(Debug)]
struct Groups<F: AggregateFunction> {
    function: F,
    groups: Vec<Group<F::State>>,
}

impl<F: AggregateFunction> Groups<F> {
    fn add(&mut self, values: &[ArrayRef], group_of: impl Fn(usize) -> Option<usize>) -> Result<()> {
        let rows = values.first().map_or(0, |array| array.len());
        let arguments: Vec<ColumnarValue> = values
            .iter()
            .map(|array| ColumnarValue::Array(Arc::clone(array)))
            .collect();
        let mut columns = Columns::new(F::PARAMETERS, &arguments)?;
        for position in 0..rows {
            Interrupt::check()?;
            let Some(index) = group_of(position) else { continue };
            let group = &mut self.groups[index];
            match columns.load(position)? {
                Content::Null => {}
                Content::Nan => group.nan_rows += 1.0,
                Content::Values => self.function.update(&mut group.state, columns.row())?,
            }
        }
        Ok(())
    }

    fn merge(&mut self, states: &[ArrayRef], group_of: impl Fn(usize) -> usize) -> Result<()> {
        let Some(lists) = states.first().and_then(|states| states.as_list_opt::<i32>()) else {
            return internal_err!("the state of {} is not a list", F::NAME);
        };
        let Some(numbers) = lists.values().as_primitive_opt::<Float64Type>() else {
            return internal_err!("the state of {} is not made of doubles", F::NAME);
        };
        for (position, bounds) in lists.value_offsets().windows(2).enumerate() {
            if lists.is_null(position) {
                continue;
            }
            let other = Group::<F::State>::read(&numbers.values()[bounds[0] as usize..bounds[1] as usize]);
            self.groups[group_of(position)].merge(other)?;
        }
        Ok(())
    }

    fn heap_size(&self) -> usize {
        let own = self.groups.capacity() * size_of::<Group<F::State>>();
        if !F::State::HOLDS_HEAP {
            return own;
        }
        own + self.groups.iter().map(Group::heap_size).sum::<usize>()
    }
}

/// The states of groups, one list each.
fn state_array<S: State>(groups: &[Group<S>]) -> ListArray {
    let mut builder = ListBuilder::new(Float64Builder::new());
    let mut values = Vec::new();
    for group in groups {
        values.clear();
        values.push(group.nan_rows);
        group.state.write(&mut values);
        builder.values().append_slice(&values);
        builder.append(true);
    }
    builder.finish()
}

impl<F: AggregateFunction> Accumulator for Groups<F> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(values, |_| Some(0))
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let result = evaluate_group(&self.function, &self.groups[0])?;
        ScalarValue::try_from_array(&F::Output::into_array(vec![result]), 0)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.heap_size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::List(Arc::new(state_array(&self.groups)))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.merge(states, |_| 0)
    }
}

impl<F: AggregateFunction> GroupsAccumulator for Groups<F> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize_with(total_num_groups, Default::default);
        self.add(values, |row| passes(filter, row).then(|| group_indices[row]))
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let emitted = emit_to.take_needed(&mut self.groups);
        let results = emitted
            .iter()
            .map(|group| {
                Interrupt::check()?;
                evaluate_group(&self.function, group)
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(F::Output::into_array(results))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let emitted = emit_to.take_needed(&mut self.groups);
        Ok(vec![Arc::new(state_array(&emitted))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> Result<()> {
        self.groups.resize_with(total_num_groups, Default::default);
        self.merge(states, |row| group_indices[row])
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let each_row = single_groups(&self.function, values, filter)?;
        Ok(vec![Arc::new(state_array(&each_row))])
    }

    fn size(&self) -> usize {
        self.heap_size()
    }
}

fn passes(filter: Option<&BooleanArray>, row: usize) -> bool {
    filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row))
}
