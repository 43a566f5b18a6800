//! What a function's arguments are called, which types they take and what they default to.
//!
//! Every function describes its arguments with one table of [`Parameter`]s; named notation, coercion, the check of
//! method names while planning and the reading of values all follow from that table.

mod columns;

pub(crate) use columns::{Columns, Content, Row};

use crate::FunctionError;
use arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{Signature, Volatility};
use std::sync::Arc;

/// One argument of a function.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Parameter {
    /// The name in named notation (`hours => 100`) and in error messages.
    pub name: &'static str,
    pub kind: Kind,
    /// The value where the argument is left out; `None` for a required one.
    pub default: Option<Default>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// Any integer, decimal or float; calculated with in double precision.
    Number,
    /// A count: as a number, but integers stay integers, so that their sums are exact.
    Count,
    /// One of the listed lower-case names.
    Choice(&'static [&'static str]),
    /// Any text, number or time, compared for equality only.
    Label,
    /// A label that the function gives back.
    Name,
    /// Any timestamp or date; becomes microseconds in UTC.
    Time,
    /// An array of numbers.
    Numbers,
    /// Text, in whatever form the column stores it.
    Text,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Default {
    Number(f64),
    /// The position in the list of choices.
    Choice(usize),
}

impl Parameter {
    pub const fn number(name: &'static str) -> Self {
        Self {
            name,
            kind: Kind::Number,
            default: None,
        }
    }

    pub const fn count(name: &'static str) -> Self {
        Self {
            name,
            kind: Kind::Count,
            default: None,
        }
    }

    pub const fn number_or(name: &'static str, default: f64) -> Self {
        Self {
            name,
            kind: Kind::Number,
            default: Some(Default::Number(default)),
        }
    }

    /// One of `choices`, the first of them where the argument is left out.
    pub const fn choice(name: &'static str, choices: &'static [&'static str]) -> Self {
        Self {
            name,
            kind: Kind::Choice(choices),
            default: Some(Default::Choice(0)),
        }
    }

    pub const fn required_choice(name: &'static str, choices: &'static [&'static str]) -> Self {
        Self {
            name,
            kind: Kind::Choice(choices),
            default: None,
        }
    }

    pub const fn text(name: &'static str) -> Self {
        Self {
            name,
            kind: Kind::Text,
            default: None,
        }
    }

    /// A label that the function gives back.
    pub const fn name(name: &'static str) -> Self {
        Self {
            name,
            kind: Kind::Name,
            default: None,
        }
    }

    pub const fn label(name: &'static str) -> Self {
        Self {
            name,
            kind: Kind::Label,
            default: None,
        }
    }
}

pub(crate) const COUNT: Parameter = Parameter::count("count");
pub(crate) const HOURS: Parameter = Parameter::number("hours");
pub(crate) const CONFIDENCE: Parameter = Parameter::number_or("confidence", 0.95);

/// The signature of a function with these parameters.
///
/// DataFusion's declared signatures know neither defaults nor NULLs and text literals of unknown type, hence the
/// types are settled in [`coerce`].
pub(crate) fn signature(parameters: &[Parameter]) -> Signature {
    let mut signature = Signature::user_defined(Volatility::Immutable);
    signature.parameter_names = Some(parameters.iter().map(|parameter| parameter.name.to_string()).collect());
    signature
}

/// The types that the arguments are cast to before the function sees them.
pub(crate) fn coerce(function: &str, parameters: &[Parameter], given: &[DataType]) -> Result<Vec<DataType>> {
    let required = parameters
        .iter()
        .filter(|parameter| parameter.default.is_none())
        .count();
    if given.len() < required || given.len() > parameters.len() {
        let expected = if required == parameters.len() {
            format!("{required}")
        } else {
            format!("{required} to {}", parameters.len())
        };
        let names: Vec<&str> = parameters.iter().map(|parameter| parameter.name).collect();
        return plan_err!(
            "{function} takes {expected} arguments ({}), {} were given",
            names.join(", "),
            given.len()
        );
    }
    parameters
        .iter()
        .zip(given)
        .map(|(parameter, given)| match coerced_type(parameter.kind, given) {
            Some(data_type) => Ok(data_type),
            None => plan_err!("{function}: {} cannot be of type {given}", parameter.name),
        })
        .collect()
}

fn coerced_type(kind: Kind, given: &DataType) -> Option<DataType> {
    if let DataType::Dictionary(_, values) = given {
        let is_text = kind == Kind::Text && values.is_string();
        return if is_text {
            Some(given.clone())
        } else {
            coerced_type(kind, values)
        };
    }
    // Text stands for a literal of unknown type ('5') and for NULL::text, as in PostgreSQL.
    let is_text = given.is_string();
    let is_untyped = is_text || given.is_null();
    match kind {
        Kind::Number if given.is_numeric() || is_untyped => Some(DataType::Float64),
        Kind::Count if *given == DataType::UInt64 => Some(DataType::UInt64),
        Kind::Count if given.is_integer() => Some(DataType::Int64),
        Kind::Count if given.is_numeric() || is_untyped => Some(DataType::Float64),
        Kind::Choice(_) if is_untyped => Some(DataType::Utf8),
        Kind::Time if is_untyped || matches!(given, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64) => {
            Some(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))
        }
        Kind::Numbers => match given {
            DataType::List(element) | DataType::LargeList(element) | DataType::FixedSizeList(element, _)
                if element.data_type().is_numeric() || element.data_type().is_null() =>
            {
                Some(numbers_type())
            }
            DataType::Null => Some(numbers_type()),
            _ => None,
        },
        Kind::Text if is_text => Some(given.clone()),
        Kind::Text if given.is_null() => Some(DataType::Utf8),
        Kind::Label | Kind::Name if is_untyped || given.is_numeric() || given.is_temporal() => Some(DataType::Utf8),
        _ => None,
    }
}

/// An array of doubles, as arguments and results have it.
pub(crate) fn numbers_type() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Float64, true)))
}

/// Refuses an unknown method name that is written as a literal, while the query is planned.
pub(crate) fn check_literal_choices(parameters: &[Parameter], literals: &[Option<&ScalarValue>]) -> Result<()> {
    for (parameter, literal) in parameters.iter().zip(literals) {
        let (Kind::Choice(choices), Some(literal)) = (parameter.kind, literal) else {
            continue;
        };
        if let Some(Some(text)) = literal.try_as_str() {
            choice_position(parameter, choices, text)?;
        }
    }
    Ok(())
}

/// The position of a chosen name in the list of valid ones.
pub(crate) fn choice_position(
    parameter: &Parameter,
    choices: &[&str],
    given: &str,
) -> std::result::Result<usize, FunctionError> {
    choices.iter().position(|choice| *choice == given).ok_or_else(|| {
        FunctionError::invalid_argument(format_args!(
            "{} must be one of {} (got '{given}')",
            parameter.name,
            quoted(choices)
        ))
    })
}

fn quoted(choices: &[&str]) -> String {
    choices
        .iter()
        .map(|choice| format!("'{choice}'"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMETERS: &[Parameter] = &[
        COUNT,
        HOURS,
        CONFIDENCE,
        Parameter::choice("method", &["exact", "score"]),
    ];

    #[test]
    fn numbers_of_every_type_become_doubles_and_counts_stay_integers() {
        let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Int64));
        let types = coerce(
            "f",
            PARAMETERS,
            &[
                dictionary,
                DataType::Decimal128(10, 2),
                DataType::Null,
                DataType::Utf8View,
            ],
        );
        assert_eq!(
            types.unwrap(),
            [DataType::Int64, DataType::Float64, DataType::Float64, DataType::Utf8]
        );
    }

    #[test]
    fn too_few_too_many_and_wrong_types_are_refused() {
        assert!(coerce("f", PARAMETERS, &[DataType::Int64]).is_err());
        assert!(coerce("f", PARAMETERS, &vec![DataType::Int64; 5]).is_err());
        assert!(coerce("f", PARAMETERS, &[DataType::Boolean, DataType::Int64]).is_err());
    }
}
