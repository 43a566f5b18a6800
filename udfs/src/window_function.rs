//! The common half of the window functions: a [`WindowFunction`] works on a whole partition, [`WindowUdf`] does the
//! rest. None of them looks at a window frame.

use crate::arguments::{self, Columns, Content, Parameter, Row};
use crate::results::Output;
use crate::{FunctionError, Interrupt};
use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{ColumnarValue, Documentation, PartitionEvaluator, Signature, WindowUDF, WindowUDFImpl};
use datafusion::physical_expr::expressions::Literal;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

/// A function of the rows of a partition, in their order.
pub(crate) trait WindowFunction: Debug + Clone + PartialEq + Eq + Hash + Send + Sync + 'static {
    const NAME: &'static str;
    const PARAMETERS: &'static [Parameter];
    type Output: Output;

    /// One result for every row of the partition.
    fn evaluate(&self, partition: &mut Partition) -> Result<Vec<Option<Self::Output>>, FunctionError>;

    fn documentation(&self) -> Option<&Documentation>;
}

/// The rows of one partition.
pub(crate) struct Partition {
    columns: Columns,
    rows: usize,
}

impl Partition {
    /// The arguments at a position; `None` where one of them is NULL. A number may be NaN.
    pub fn row(&mut self, position: usize) -> Result<Option<&Row>, FunctionError> {
        Interrupt::check()?;
        match self.columns.load(position)? {
            Content::Null => Ok(None),
            Content::Nan | Content::Values => Ok(Some(self.columns.row())),
        }
    }

    /// What `read` makes of every row without a NULL, with the positions of those rows.
    pub fn collect<T>(
        &mut self,
        mut read: impl FnMut(&Row) -> Result<T, FunctionError>,
    ) -> Result<(Vec<usize>, Vec<T>), FunctionError> {
        let (mut positions, mut values) = (Vec::new(), Vec::new());
        for position in 0..self.rows {
            if let Some(row) = self.row(position)? {
                values.push(read(row)?);
                positions.push(position);
            }
        }
        Ok((positions, values))
    }

    /// Puts results back to the positions they belong to; every other row is NULL.
    pub fn spread<T>(&self, positions: Vec<usize>, results: impl IntoIterator<Item = Option<T>>) -> Vec<Option<T>> {
        let mut spread: Vec<Option<T>> = (0..self.rows).map(|_| None).collect();
        for (position, result) in positions.into_iter().zip(results) {
            spread[position] = result;
        }
        spread
    }
}

/// A [`WindowFunction`] as the engine wants it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct WindowUdf<F: WindowFunction> {
    function: F,
    signature: Signature,
}

pub(crate) fn window_function<F: WindowFunction>(function: F) -> Arc<WindowUDF> {
    let signature = arguments::signature(F::PARAMETERS);
    Arc::new(WindowUDF::from(WindowUdf { function, signature }))
}

impl<F: WindowFunction> WindowUDFImpl for WindowUdf<F> {
    fn name(&self) -> &str {
        F::NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        arguments::coerce(F::NAME, F::PARAMETERS, given)
    }

    fn field(&self, args: WindowUDFFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(args.name(), F::Output::data_type(), true)))
    }

    fn partition_evaluator(&self, args: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        let literals: Vec<Option<&ScalarValue>> = args
            .input_exprs()
            .iter()
            .map(|expr| expr.downcast_ref::<Literal>().map(Literal::value))
            .collect();
        arguments::check_literal_choices(F::PARAMETERS, &literals)?;
        Ok(Box::new(WholePartition(self.function.clone())))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.function.documentation()
    }
}

#[derive(Debug)]
struct WholePartition<F: WindowFunction>(F);

impl<F: WindowFunction> PartitionEvaluator for WholePartition<F> {
    fn evaluate_all(&mut self, values: &[ArrayRef], num_rows: usize) -> Result<ArrayRef> {
        let arguments: Vec<ColumnarValue> = values
            .iter()
            .map(|array| ColumnarValue::Array(Arc::clone(array)))
            .collect();
        let columns = Columns::new(F::PARAMETERS, &arguments)?;
        let results = self.0.evaluate(&mut Partition {
            columns,
            rows: num_rows,
        })?;
        Ok(F::Output::into_array(results))
    }
}
