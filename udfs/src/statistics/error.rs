//! What a statistical function answers when it cannot give a number.

use std::fmt;

/// Result of every kernel of this module.
pub type Result<T> = std::result::Result<T, StatisticsError>;

/// Why no number was returned. The text is meant for the user: it names the argument, what was given, what is allowed.
#[derive(Debug, Clone, PartialEq)]
pub enum StatisticsError {
    /// An argument outside the domain of the function.
    InvalidArgument {
        argument: &'static str,
        allowed: &'static str,
        given: String,
        hint: Option<&'static str>,
    },
    /// The bounded iteration ended without an answer.
    NotConverged { function: &'static str, arguments: String },
}

impl StatisticsError {
    /// The argument's name, what is allowed, what was given.
    pub fn invalid(argument: &'static str, allowed: &'static str, given: impl fmt::Display) -> Self {
        Self::InvalidArgument {
            argument,
            allowed,
            given: given.to_string(),
            hint: None,
        }
    }

    /// As [`Self::invalid`], with advice on what to do instead.
    pub fn invalid_with_hint(
        argument: &'static str,
        allowed: &'static str,
        given: impl fmt::Display,
        hint: &'static str,
    ) -> Self {
        Self::InvalidArgument {
            argument,
            allowed,
            given: given.to_string(),
            hint: Some(hint),
        }
    }

    /// The function's name and its numeric arguments by name.
    pub fn not_converged(function: &'static str, arguments: &[(&str, f64)]) -> Self {
        let arguments = arguments
            .iter()
            .map(|(name, value)| format!("{name} = {}", readable(*value)))
            .collect::<Vec<_>>()
            .join(", ");
        Self::NotConverged { function, arguments }
    }

    /// Advice that belongs beside the message, not in it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::InvalidArgument { hint, .. } => *hint,
            Self::NotConverged { .. } => None,
        }
    }
}

/// Plain digits for usual sizes, powers of ten for the others.
fn readable(value: f64) -> String {
    if value == 0.0 || (1e-6..1e16).contains(&value.abs()) {
        value.to_string()
    } else {
        format!("{value:e}")
    }
}

impl fmt::Display for StatisticsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidArgument {
                argument,
                allowed,
                given,
                hint,
            } => {
                write!(f, "invalid argument: {argument} must be {allowed} (got {given})")?;
                hint.map_or(Ok(()), |hint| write!(f, "; {hint}"))
            }
            Self::NotConverged { function, arguments } => {
                write!(f, "{function} did not converge for {arguments}")
            }
        }
    }
}

impl std::error::Error for StatisticsError {}
