//! The common half of the functions that read one text and nothing else, each distinct text of a batch once.

use crate::arguments::{self, Kind, Parameter, choice_position};
use crate::results::Output;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

/// A scalar function of a text and at most one choice. NULL gives NULL, and so does a text it cannot read.
pub(crate) trait TextFunction: Debug + Clone + PartialEq + Eq + Hash + Send + Sync + 'static {
    const NAME: &'static str;
    const PARAMETERS: &'static [Parameter];
    type Output: Output + Clone;

    /// `choice` is the position of the chosen name, 0 for functions without one.
    fn evaluate(&self, text: &str, choice: usize) -> Option<Self::Output>;

    fn documentation(&self) -> Option<&Documentation>;
}

/// A [`TextFunction`] as the engine wants it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct TextUdf<F: TextFunction> {
    function: F,
    signature: Signature,
}

pub(crate) fn text_function<F: TextFunction>(function: F) -> Arc<ScalarUDF> {
    let signature = arguments::signature(F::PARAMETERS);
    Arc::new(ScalarUDF::from(TextUdf { function, signature }))
}

impl<F: TextFunction> ScalarUDFImpl for TextUdf<F> {
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

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        arguments::check_literal_choices(F::PARAMETERS, args.scalar_arguments)?;
        Ok(Arc::new(Field::new(F::NAME, F::Output::data_type(), true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = args
            .args
            .iter()
            .all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let rows = if is_constant { 1 } else { args.number_rows };
        let Some(texts) = args.args.first() else {
            return internal_err!("{} got no argument", F::NAME);
        };
        let choices = match args.args.get(1) {
            Some(choices) => Choices::new(&F::PARAMETERS[1], choices)?,
            None => Choices::Same(Some(0)),
        };
        let array = self.evaluate_array(&texts.to_array(rows)?, &choices)?;
        if is_constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?));
        }
        Ok(ColumnarValue::Array(array))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.function.documentation()
    }
}

/// The second argument.
enum Choices {
    Same(Option<usize>),
    PerRow(Vec<Option<usize>>),
}

impl Choices {
    fn new(parameter: &Parameter, given: &ColumnarValue) -> Result<Self> {
        let Kind::Choice(valid) = parameter.kind else {
            return internal_err!("{} is not a choice", parameter.name);
        };
        let position = |text: Option<&str>| text.map(|text| choice_position(parameter, valid, text)).transpose();
        match given {
            ColumnarValue::Scalar(scalar) => Ok(Self::Same(position(scalar.try_as_str().flatten())?)),
            ColumnarValue::Array(array) => {
                let texts = cast(array, &DataType::Utf8)?;
                let positions = texts.as_string::<i32>().iter().map(position);
                Ok(Self::PerRow(positions.collect::<std::result::Result<_, _>>()?))
            }
        }
    }

    fn at(&self, row: usize) -> Option<usize> {
        match self {
            Self::Same(choice) => *choice,
            Self::PerRow(choices) => choices.get(row).copied().flatten(),
        }
    }
}

impl<F: TextFunction> TextUdf<F> {
    fn evaluate_array(&self, texts: &ArrayRef, choices: &Choices) -> Result<ArrayRef> {
        if let (Some(dictionary), Choices::Same(_)) = (texts.as_any_dictionary_opt(), choices) {
            let results = self.evaluate_array(dictionary.values(), choices)?;
            return Ok(take(&results, dictionary.keys(), None)?);
        }
        let results = match texts.data_type() {
            DataType::Utf8 => self.evaluate_each(texts.as_string::<i32>().iter(), choices),
            DataType::LargeUtf8 => self.evaluate_each(texts.as_string::<i64>().iter(), choices),
            DataType::Utf8View => self.evaluate_each(texts.as_string_view().iter(), choices),
            _ => self.evaluate_each(cast(texts, &DataType::Utf8)?.as_string::<i32>().iter(), choices),
        };
        Ok(F::Output::into_array(results))
    }

    fn evaluate_each<'a>(
        &self,
        texts: impl Iterator<Item = Option<&'a str>>,
        choices: &Choices,
    ) -> Vec<Option<F::Output>> {
        let mut known: HashMap<(&'a str, usize), Option<F::Output>> = HashMap::new();
        // Rows come sorted or nearly so: most texts are that of the row before.
        let (mut previous_key, mut previous_result) = (None, None);
        let mut results = Vec::with_capacity(texts.size_hint().0);
        for (row, text) in texts.enumerate() {
            let (Some(text), Some(choice)) = (text, choices.at(row)) else {
                results.push(None);
                continue;
            };
            let key = (text, choice);
            if previous_key != Some(key) {
                let result = known.entry(key).or_insert_with(|| self.function.evaluate(text, choice));
                (previous_key, previous_result) = (Some(key), result.clone());
            }
            results.push(previous_result.clone());
        }
        results
    }
}
