//! The one error that the functions raise on bad arguments, typed so that a server can choose its own code for it.

use crate::statistics::StatisticsError;
use datafusion::error::DataFusionError;
use std::fmt;

/// What went wrong, coarsely: one variant for each code that a server would send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionErrorKind {
    /// An argument lies outside its domain (a negative count, a confidence of 95).
    InvalidArgument,
    /// The arguments are valid but the result, or a sum on the way to it, cannot be represented.
    OutOfRange,
    /// An iteration was stopped before it reached the promised precision.
    NotConverged,
    /// The arguments are valid, but the chosen method refuses them.
    Unsupported,
    /// Nobody waits for the result any more; see [`crate::Interrupt`].
    Stopped,
}

/// An error of a function. Travels as `DataFusionError::External`; find it again with [`FunctionError::find`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionError {
    pub kind: FunctionErrorKind,
    /// Lower case, names the argument, what was given and what is allowed.
    pub message: String,
    /// What to write instead, where there is something to say.
    pub hint: Option<String>,
}

impl FunctionError {
    pub fn invalid_argument(message: impl fmt::Display) -> Self {
        Self::new(
            FunctionErrorKind::InvalidArgument,
            format!("invalid argument: {message}"),
        )
    }

    pub fn new(kind: FunctionErrorKind, message: String) -> Self {
        Self {
            kind,
            message,
            hint: None,
        }
    }

    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The function's error inside an engine's error, however deep the engine has wrapped it.
    pub fn find(error: &DataFusionError) -> Option<&FunctionError> {
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(current) = source {
            if let Some(found) = current.downcast_ref::<FunctionError>() {
                return Some(found);
            }
            source = current.source();
        }
        None
    }
}

impl fmt::Display for FunctionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for FunctionError {}

impl From<FunctionError> for DataFusionError {
    fn from(error: FunctionError) -> Self {
        DataFusionError::External(Box::new(error))
    }
}

impl From<StatisticsError> for FunctionError {
    fn from(error: StatisticsError) -> Self {
        match error {
            StatisticsError::InvalidArgument {
                argument,
                allowed,
                given,
                hint,
            } => {
                let error = Self::invalid_argument(format_args!("{argument} must be {allowed} (got {given})"));
                Self {
                    hint: hint.map(str::to_string),
                    ..error
                }
            }
            error @ StatisticsError::NotConverged { .. } => {
                Self::new(FunctionErrorKind::NotConverged, error.to_string())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_found_under_the_engines_wrapping() {
        let error = FunctionError::invalid_argument("count must be finite and >= 0 (got -3)");
        let wrapped = DataFusionError::from(error.clone())
            .context("while planning")
            .context("again");
        assert_eq!(FunctionError::find(&wrapped), Some(&error));
        assert_eq!(FunctionError::find(&DataFusionError::Plan("other".into())), None);
    }
}
