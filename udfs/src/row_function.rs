//! The common half of the scalar functions: a [`RowFunction`] says what one row gives, [`RowUdf`] does the rest.

use crate::arguments::{self, Columns, Content, Parameter, Row};
use crate::results::Output;
use crate::{FunctionError, Interrupt};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

/// A scalar function of numbers and method names that is worked out row by row.
///
/// NULL in any argument gives NULL and a NaN gives NaN before `evaluate` is asked.
pub(crate) trait RowFunction: Debug + Clone + PartialEq + Eq + Hash + Send + Sync + 'static {
    const NAME: &'static str;
    const PARAMETERS: &'static [Parameter];
    /// False where no value of an argument is an error; such a function has no `try_` twin.
    const CAN_FAIL: bool = true;
    type Output: Output;
    /// Kept from row to row of one batch, for what need not be worked out again.
    type Memo: std::default::Default;

    fn evaluate(&self, row: &Row, memo: &mut Self::Memo) -> Result<Option<Self::Output>, FunctionError>;

    fn documentation(&self) -> Option<&Documentation>;
}

/// What happens to a row that a function refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum OnError {
    Fail,
    /// The `try_` twin's way.
    Null,
}

/// A [`RowFunction`] as the engine wants it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct RowUdf<F: RowFunction> {
    function: F,
    name: String,
    on_error: OnError,
    signature: Signature,
    documentation: Option<Documentation>,
}

/// The function and, where an argument can be refused, its `try_` twin.
pub(crate) fn scalar_functions<F: RowFunction>(function: F) -> Vec<Arc<ScalarUDF>> {
    let signature = arguments::signature(F::PARAMETERS);
    let plain = RowUdf {
        documentation: function.documentation().cloned(),
        function: function.clone(),
        name: F::NAME.to_string(),
        on_error: OnError::Fail,
        signature: signature.clone(),
    };
    if !F::CAN_FAIL {
        return vec![Arc::new(ScalarUDF::from(plain))];
    }
    let twin = RowUdf {
        documentation: plain.documentation.clone().map(twin_documentation::<F>),
        function,
        name: format!("try_{}", F::NAME),
        on_error: OnError::Null,
        signature,
    };
    vec![Arc::new(ScalarUDF::from(plain)), Arc::new(ScalarUDF::from(twin))]
}

fn twin_documentation<F: RowFunction>(original: Documentation) -> Documentation {
    Documentation {
        description: format!(
            "As `{}`, but gives NULL where that function would raise an error about a value. For telemetry that holds \
             negative or infinite values.",
            F::NAME
        ),
        syntax_example: format!("try_{}", original.syntax_example),
        sql_example: None,
        alternative_syntax: None,
        related_udfs: Some(vec![F::NAME.to_string()]),
        ..original
    }
}

impl<F: RowFunction> ScalarUDFImpl for RowUdf<F> {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        arguments::coerce(&self.name, F::PARAMETERS, given)
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(F::Output::data_type())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        arguments::check_literal_choices(F::PARAMETERS, args.scalar_arguments)?;
        Ok(Arc::new(Field::new(&self.name, F::Output::data_type(), true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = args
            .args
            .iter()
            .all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let rows = if is_constant { 1 } else { args.number_rows };
        let array = F::Output::into_array(self.evaluate_rows(&args.args, rows)?);
        if is_constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?));
        }
        Ok(ColumnarValue::Array(array))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.documentation.as_ref()
    }
}

impl<F: RowFunction> RowUdf<F> {
    fn evaluate_rows(&self, arguments: &[ColumnarValue], rows: usize) -> Result<Vec<Option<F::Output>>> {
        let mut columns = Columns::new(F::PARAMETERS, arguments)?;
        let mut memo = F::Memo::default();
        let mut results = Vec::with_capacity(rows);
        for position in 0..rows {
            Interrupt::check()?;
            match self.evaluate_row(&mut columns, position, &mut memo) {
                Ok(result) => results.push(result),
                Err(_) if self.on_error == OnError::Null => results.push(None),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(results)
    }

    fn evaluate_row(
        &self,
        columns: &mut Columns,
        position: usize,
        memo: &mut F::Memo,
    ) -> Result<Option<F::Output>, FunctionError> {
        match columns.load(position)? {
            Content::Null => Ok(None),
            Content::Nan => Ok(F::Output::nan()),
            Content::Values => self.function.evaluate(columns.row(), memo),
        }
    }
}
