//! Reads a batch's arguments row by row: constants once, columns by position, defaults where an argument is left out.

use super::{Default, Kind, Parameter, choice_position};
use crate::FunctionError;
use crate::statistics::sums::DoubleDouble;
use arrow::array::{Array, AsArray, Float64Array, Int64Array, StringArray, UInt64Array};
use arrow::datatypes::{Float64Type, Int64Type, UInt64Type};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::ColumnarValue;
use std::hash::{DefaultHasher, Hash, Hasher};

/// No function has more arguments than this.
pub(crate) const MAX_ARGUMENTS: usize = 8;

/// The arguments of one row, none of them NULL.
#[derive(Debug)]
pub(crate) struct Row {
    numbers: [f64; MAX_ARGUMENTS],
    choices: [usize; MAX_ARGUMENTS],
    /// What a number in `numbers` lost when it was rounded to a double: not 0 for integers above 2^53 only.
    remainders: [f64; MAX_ARGUMENTS],
    /// Labels by their hash: they are compared for equality only.
    labels: [u64; MAX_ARGUMENTS],
    /// Labels that are part of the answer.
    names: [String; MAX_ARGUMENTS],
}

impl Row {
    /// An integer that a double holds whole costs nothing more than a double does.
    fn set_integer(&mut self, index: usize, integer: i128) {
        if let Ok(small) = i32::try_from(integer) {
            self.numbers[index] = small.into();
            self.remainders[index] = 0.0;
            return;
        }
        self.numbers[index] = integer as f64;
        self.remainders[index] = (integer - integer as f64 as i128) as f64;
    }

    pub fn number(&self, index: usize) -> f64 {
        self.numbers[index]
    }

    /// The first numbers, for functions whose numeric arguments come first.
    pub fn numbers<const N: usize>(&self) -> [f64; N] {
        std::array::from_fn(|index| self.numbers[index])
    }

    /// The position of the chosen name in its list.
    pub fn choice(&self, index: usize) -> usize {
        self.choices[index]
    }

    /// A count with every digit of a 64-bit integer, for sums.
    pub fn exact_number(&self, index: usize) -> DoubleDouble {
        DoubleDouble::from_parts(self.numbers[index], self.remainders[index])
    }

    /// A number that stands for the label.
    pub fn label(&self, index: usize) -> u64 {
        self.labels[index]
    }

    /// The text of a label that is part of the answer.
    pub fn name(&self, index: usize) -> &str {
        &self.names[index]
    }
}

/// What one row holds.
pub(crate) enum Content {
    /// At least one argument is NULL.
    Null,
    /// No argument is NULL, at least one is not a number.
    Nan,
    Values,
}

/// The arguments of one batch.
pub(crate) struct Columns {
    sources: Vec<Source>,
    row: Row,
}

enum Source {
    /// A constant or a default: already in the row.
    Constant,
    ConstantNull,
    Doubles(Float64Array),
    Integers(Int64Array),
    UnsignedIntegers(UInt64Array),
    Labels(StringArray),
    Names(StringArray),
    Choices(&'static Parameter, &'static [&'static str], StringArray),
}

impl Columns {
    /// Takes the arguments as the plan has cast them (see [`super::coerce`]).
    pub fn new(parameters: &'static [Parameter], arguments: &[ColumnarValue]) -> Result<Self> {
        let mut row = Row {
            numbers: [0.0; MAX_ARGUMENTS],
            choices: [0; MAX_ARGUMENTS],
            remainders: [0.0; MAX_ARGUMENTS],
            labels: [0; MAX_ARGUMENTS],
            names: std::array::from_fn(|_| String::new()),
        };
        let mut sources = Vec::with_capacity(parameters.len());
        for (index, parameter) in parameters.iter().enumerate() {
            let source = match arguments.get(index) {
                None => default_source(&mut row, index, parameter)?,
                Some(ColumnarValue::Array(array)) => array_source(parameter, array)?,
                Some(ColumnarValue::Scalar(scalar)) => {
                    let single = array_source(parameter, &scalar.to_array()?)?;
                    constant_source(&mut row, index, single)?
                }
            };
            sources.push(source);
        }
        Ok(Self { sources, row })
    }

    /// Loads the row at a position.
    pub fn load(&mut self, position: usize) -> Result<Content, FunctionError> {
        for (index, source) in self.sources.iter().enumerate() {
            if !load_value(&mut self.row, index, source, position)? {
                return Ok(Content::Null);
            }
        }
        let has_nan = self.row.numbers.iter().any(|number| number.is_nan());
        Ok(if has_nan { Content::Nan } else { Content::Values })
    }

    pub fn row(&self) -> &Row {
        &self.row
    }
}

/// Stores one argument's value in the row; false where it is NULL.
fn load_value(row: &mut Row, index: usize, source: &Source, position: usize) -> Result<bool, FunctionError> {
    match source {
        Source::Constant => {}
        Source::ConstantNull => return Ok(false),
        Source::Doubles(array) if array.is_valid(position) => row.numbers[index] = array.value(position),
        Source::Integers(array) if array.is_valid(position) => row.set_integer(index, array.value(position).into()),
        Source::UnsignedIntegers(array) if array.is_valid(position) => {
            row.set_integer(index, array.value(position).into());
        }
        Source::Labels(array) if array.is_valid(position) => {
            let mut hasher = DefaultHasher::new();
            array.value(position).hash(&mut hasher);
            row.labels[index] = hasher.finish();
        }
        Source::Names(array) if array.is_valid(position) => {
            row.names[index].clear();
            row.names[index].push_str(array.value(position));
        }
        Source::Choices(parameter, choices, array) if array.is_valid(position) => {
            row.choices[index] = choice_position(parameter, choices, array.value(position))?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn constant_source(row: &mut Row, index: usize, single: Source) -> Result<Source> {
    let is_valid = load_value(row, index, &single, 0)?;
    Ok(if is_valid {
        Source::Constant
    } else {
        Source::ConstantNull
    })
}

fn default_source(row: &mut Row, index: usize, parameter: &Parameter) -> Result<Source> {
    match parameter.default {
        Some(Default::Number(number)) => row.numbers[index] = number,
        Some(Default::Choice(choice)) => row.choices[index] = choice,
        None => return internal_err!("the argument {} is missing", parameter.name),
    }
    Ok(Source::Constant)
}

fn array_source(parameter: &'static Parameter, array: &dyn Array) -> Result<Source> {
    if let Kind::Choice(choices) = parameter.kind
        && let Some(texts) = array.as_string_opt::<i32>()
    {
        return Ok(Source::Choices(parameter, choices, texts.clone()));
    }
    if let Some(texts) = array.as_string_opt::<i32>() {
        match parameter.kind {
            Kind::Label => return Ok(Source::Labels(texts.clone())),
            Kind::Name => return Ok(Source::Names(texts.clone())),
            _ => {}
        }
    }
    if let Some(doubles) = array.as_primitive_opt::<Float64Type>() {
        return Ok(Source::Doubles(doubles.clone()));
    }
    if let Some(integers) = array.as_primitive_opt::<Int64Type>() {
        return Ok(Source::Integers(integers.clone()));
    }
    if let Some(integers) = array.as_primitive_opt::<UInt64Type>() {
        return Ok(Source::UnsignedIntegers(integers.clone()));
    }
    internal_err!("the argument {} arrived as {}", parameter.name, array.data_type())
}
