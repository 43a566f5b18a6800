//! The query engine's errors in the program's own words: which kind each one is, and PostgreSQL's wording for those
//! that a user causes.

use arrow::error::ArrowError;
use datafusion::common::{Column, SchemaError};
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;
use mission_control_udfs::{FunctionError, FunctionErrorKind};

use tokio::task::JoinError;

use super::{Error, ErrorKind};

impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Self {
        if let Some(function_error) = FunctionError::find(&error) {
            return from_function(function_error);
        }
        match error {
            DataFusionError::External(inner) => match inner.downcast::<Self>() {
                Ok(own) => *own,
                Err(other) if is_join_error(other.as_ref()) => Self::internal(other.to_string()),
                Err(other) => from_text(&other.to_string()),
            },
            DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => Self::from(*inner),
            DataFusionError::Shared(inner) => from_shared(&inner),
            DataFusionError::Collection(mut errors) if !errors.is_empty() => Self::from(errors.swap_remove(0)),
            DataFusionError::ArrowError(inner, _) => from_arrow(*inner),
            DataFusionError::ParquetError(inner) => unreadable_source(&inner.to_string()),
            DataFusionError::ObjectStore(inner) => unreadable_source(&inner.to_string()),
            DataFusionError::IoError(inner) => from_io(&inner),
            DataFusionError::SQL(inner, _) => from_parser(*inner),
            DataFusionError::NotImplemented(text) => Self::not_supported(first_line(&text)),
            DataFusionError::SchemaError(inner, _) => from_schema(&inner),
            DataFusionError::ResourcesExhausted(text) => out_of_memory(&text),
            DataFusionError::Plan(text) => from_plan(&text),
            DataFusionError::Execution(text) => from_text(&text),
            DataFusionError::Configuration(text) => Self::new(ErrorKind::InvalidParameterValue, first_line(&text)),
            DataFusionError::ExecutionJoin(inner) => Self::internal(inner.to_string()),
            DataFusionError::Internal(text) | DataFusionError::Substrait(text) | DataFusionError::Ffi(text) => {
                from_internal(&text)
            }
            other => Self::internal(other.to_string()),
        }
    }
}

impl From<ArrowError> for Error {
    fn from(error: ArrowError) -> Self {
        from_arrow(error)
    }
}

fn from_function(error: &FunctionError) -> Error {
    let kind = match error.kind {
        FunctionErrorKind::InvalidArgument => ErrorKind::InvalidParameterValue,
        FunctionErrorKind::OutOfRange => ErrorKind::NumericValueOutOfRange,
        FunctionErrorKind::NotConverged => ErrorKind::ProgramLimitExceeded,
        FunctionErrorKind::Unsupported => ErrorKind::FeatureNotSupported,
        FunctionErrorKind::Stopped => ErrorKind::QueryCanceled,
    };
    Error {
        hint: error.hint.clone(),
        ..Error::new(kind, error.message.clone())
    }
}

/// A task of the engine's did not come to its end: it panicked.
fn is_join_error(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    error.is::<JoinError>() || error.is::<std::sync::Arc<JoinError>>()
}

/// A shared error cannot be taken apart by value, so only what is known to matter is looked for inside.
fn from_shared(error: &DataFusionError) -> Error {
    match error {
        DataFusionError::External(inner) => match inner.downcast_ref::<Error>() {
            Some(own) => own.clone(),
            None if is_join_error(inner.as_ref()) => Error::internal(inner.to_string()),
            None => from_text(&inner.to_string()),
        },
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => from_shared(inner),
        DataFusionError::Shared(inner) => from_shared(inner),
        DataFusionError::ArrowError(inner, _) => from_arrow_reference(inner),
        DataFusionError::ParquetError(inner) => unreadable_source(&inner.to_string()),
        DataFusionError::ObjectStore(inner) => unreadable_source(&inner.to_string()),
        DataFusionError::ResourcesExhausted(text) => out_of_memory(text),
        DataFusionError::NotImplemented(text) => Error::not_supported(first_line(text)),
        DataFusionError::Plan(text) => from_plan(text),
        DataFusionError::Execution(text) => from_text(text),
        DataFusionError::SchemaError(inner, _) => from_schema(inner),
        other => Error::internal(other.to_string()),
    }
}

fn from_arrow(error: ArrowError) -> Error {
    match error {
        ArrowError::ExternalError(inner) => match inner.downcast::<DataFusionError>() {
            Ok(engine) => Error::from(*engine),
            Err(inner) => match inner.downcast::<Error>() {
                Ok(own) => *own,
                Err(other) => from_text(&other.to_string()),
            },
        },
        other => from_arrow_reference(&other),
    }
}

fn from_arrow_reference(error: &ArrowError) -> Error {
    match error {
        ArrowError::DivideByZero => Error::new(ErrorKind::DivisionByZero, "division by zero"),
        ArrowError::ArithmeticOverflow(_) => Error::new(ErrorKind::NumericValueOutOfRange, "value out of range"),
        ArrowError::CastError(text) | ArrowError::ParseError(text) => from_cast(text),
        ArrowError::InvalidArgumentError(text) | ArrowError::ComputeError(text) => from_text(text),
        ArrowError::NotYetImplemented(text) => Error::not_supported(first_line(text)),
        ArrowError::ParquetError(text) => unreadable_source(text),
        ArrowError::IoError(text, _) => unreadable_source(text),
        ArrowError::MemoryError(text) => out_of_memory(text),
        other => from_text(&other.to_string()),
    }
}

fn from_cast(text: &str) -> Error {
    let lower = text.to_lowercase();
    if lower.contains("overflow") || lower.contains("out of range") || lower.contains("can't cast value") {
        return Error::new(ErrorKind::NumericValueOutOfRange, "value out of range").with_detail(first_line(text));
    }
    if lower.contains("timestamp") || lower.contains("date") || lower.contains("time") {
        if lower.contains("field value") {
            return Error::new(ErrorKind::DatetimeFieldOverflow, "date/time field value out of range")
                .with_detail(first_line(text));
        }
        return Error::new(
            ErrorKind::InvalidDatetimeFormat,
            "invalid input syntax for a date or time",
        )
        .with_detail(first_line(text));
    }
    if lower.contains("unsupported") || lower.contains("not supported") {
        return Error::new(ErrorKind::CannotCoerce, first_line(text));
    }
    if text.split('\'').nth(1).is_some_and(is_whole_number) && lower.contains("int") {
        return Error::new(ErrorKind::NumericValueOutOfRange, "value out of range").with_detail(first_line(text));
    }
    Error::new(ErrorKind::InvalidTextRepresentation, invalid_input(text))
}

fn is_whole_number(text: &str) -> bool {
    let digits = text.trim().trim_start_matches(['-', '+']);
    !digits.is_empty() && digits.chars().all(|letter| letter.is_ascii_digit())
}

/// "Cannot cast string 'abc' to value of Int64 type" in PostgreSQL's words.
fn invalid_input(text: &str) -> String {
    let value = text.split('\'').nth(1);
    let type_name = text
        .rsplit_once("value of ")
        .and_then(|(_, tail)| tail.strip_suffix(" type"));
    match (value, type_name) {
        (Some(value), Some(type_name)) => {
            format!(
                "invalid input syntax for type {}: \"{value}\"",
                sql_type_name(type_name)
            )
        }
        _ => first_line(text),
    }
}

fn sql_type_name(arrow_name: &str) -> &str {
    match arrow_name {
        "Int16" => "smallint",
        "Int32" => "integer",
        "Int64" => "bigint",
        "Float32" => "real",
        "Float64" => "double precision",
        "Boolean" => "boolean",
        other => other,
    }
}

fn from_io(error: &std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::StorageFull {
        return Error::new(ErrorKind::DiskFull, "no space left for temporary data");
    }
    unreadable_source(&error.to_string())
}

/// What the store said stays in the log: it may hold paths and addresses.
fn unreadable_source(text: &str) -> Error {
    // Writing spilled rows fails as writing does, whatever the reason.
    if text.contains("used disk space during the spilling") {
        return out_of_memory(text);
    }
    tracing::warn!(reason = text, "a source could not be read while a query ran");
    Error::new(ErrorKind::Io, "could not read a source file")
        .with_hint("run the query again: a file that was replaced or is damaged is noticed and left out")
}

fn out_of_memory(text: &str) -> Error {
    if text.contains("disk") {
        return Error::new(
            ErrorKind::ConfigurationLimitExceeded,
            "temporary file size exceeds what all queries may spill",
        )
        .with_hint("narrow the query, or ask the administrator to raise limits.spill_bytes");
    }
    Error::new(ErrorKind::OutOfMemory, "out of memory for this query")
        .with_hint("narrow the query, or ask the administrator to raise limits.memory_bytes")
}

fn from_parser(error: ParserError) -> Error {
    match error {
        ParserError::RecursionLimitExceeded => {
            Error::new(ErrorKind::StatementTooComplex, "statement is nested too deeply")
        }
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => {
            Error::new(ErrorKind::Syntax, first_line(&text))
        }
    }
}

fn from_schema(error: &SchemaError) -> Error {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => undefined_column(field, valid_fields),
        SchemaError::AmbiguousReference { field } => Error::new(
            ErrorKind::AmbiguousColumn,
            format!("column reference \"{}\" is ambiguous", field.name),
        ),
        SchemaError::DuplicateQualifiedField { name, .. } | SchemaError::DuplicateUnqualifiedField { name } => {
            Error::new(
                ErrorKind::DuplicateColumn,
                format!("column \"{name}\" specified more than once"),
            )
            .with_hint("give each column a name of its own with AS")
        }
    }
}

fn undefined_column(field: &Column, valid_fields: &[Column]) -> Error {
    if let Some(relation) = &field.relation
        && !valid_fields
            .iter()
            .any(|valid| valid.relation.as_ref() == Some(relation))
        && !valid_fields.is_empty()
    {
        return Error::new(
            ErrorKind::UndefinedTable,
            format!("missing FROM-clause entry for table \"{}\"", relation.table()),
        );
    }
    let name = match &field.relation {
        Some(relation) => format!("{}.{}", relation.table(), field.name),
        None => format!("\"{}\"", field.name),
    };
    let error = Error::new(ErrorKind::UndefinedColumn, format!("column {name} does not exist"));
    let nearest = valid_fields
        .iter()
        .map(|valid| (strsim::damerau_levenshtein(&valid.name, &field.name), valid))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, valid)| *distance * 2 <= valid.name.chars().count());
    match nearest {
        Some((_, valid)) => error.with_hint(format!("perhaps you meant to reference the column \"{}\"", valid.name)),
        None => error,
    }
}

/// Planning errors arrive as text only; these are the texts of the engine's own planner.
fn from_plan(text: &str) -> Error {
    let message = first_line(text);
    let lower = message.to_lowercase();
    if let Some(name) = between(&message, "table '", "' not found") {
        let parts: Vec<&str> = name.split('.').collect();
        let shown = match parts.as_slice() {
            ["mission_control", "public", table] => (*table).to_string(),
            [_, schema, table] => format!("{schema}.{table}"),
            _ => name.to_string(),
        };
        return Error::new(
            ErrorKind::UndefinedTable,
            format!("relation \"{shown}\" does not exist"),
        );
    }
    if let Some(name) = between(&message, "nvalid function '", "'") {
        return undefined_function(name, text);
    }
    if let Some(name) = between(&message, "table function '", "' not found") {
        return undefined_function(name, text);
    }
    if lower.contains("no function matches") || lower.contains("failed to coerce arguments") {
        let shown = between(&message, "Error planning function: ", ".")
            .unwrap_or(&message)
            .to_string();
        return Error::new(
            ErrorKind::UndefinedFunction,
            "no function matches the given name and argument types",
        )
        .with_detail(shown);
    }
    if lower.contains("must appear in the group by clause") || lower.contains("must be in group by") {
        return Error::new(ErrorKind::Grouping, message);
    }
    if lower.contains("ambiguous") {
        return Error::new(ErrorKind::AmbiguousColumn, message);
    }
    if lower.contains("projections require unique expression names") {
        return Error::new(
            ErrorKind::DuplicateAlias,
            "two columns of the result have the same name",
        )
        .with_hint("give each column a name of its own with AS");
    }
    if lower.contains("cannot find column with position") || lower.contains("order by column out of bounds") {
        return Error::new(ErrorKind::InvalidColumnReference, message);
    }
    if lower.contains("aggregate functions are not allowed in the where") {
        return Error::new(ErrorKind::Grouping, "aggregate functions are not allowed in WHERE");
    }
    if lower.contains("cannot coerce arithmetic expression") {
        return Error::new(ErrorKind::UndefinedFunction, message);
    }
    if lower.contains("placeholder") {
        return Error::new(ErrorKind::UndefinedParameter, message);
    }
    if lower.contains("cannot coerce") || lower.contains("type mismatch") || lower.contains("incompatible") {
        return Error::new(ErrorKind::DatatypeMismatch, message);
    }
    if lower.contains("unsupported") || lower.contains("not supported") || lower.contains("not implemented") {
        return Error::not_supported(message);
    }
    Error::new(ErrorKind::Syntax, message)
}

fn undefined_function(name: &str, text: &str) -> Error {
    let error = Error::new(ErrorKind::UndefinedFunction, format!("function {name} does not exist"));
    match between(text, "Did you mean '", "'") {
        Some(other) => error.with_hint(format!("perhaps you meant the function {other}")),
        None => error,
    }
}

/// Some of the engine's internal errors are a user's doing; those are worded, everything else is a bug of ours.
fn from_internal(text: &str) -> Error {
    if text.contains("not implemented") || text.contains("Unsupported") {
        return Error::not_supported(first_line(text));
    }
    if text.contains("failed to coerce types") || text.contains("failed to match any signature") {
        return Error::new(
            ErrorKind::UndefinedFunction,
            "no function or operator matches the given argument types",
        )
        .with_detail(first_line(text));
    }
    Error::internal(first_line(text))
}

fn from_text(text: &str) -> Error {
    let lower = text.to_lowercase();
    if lower.contains("divide by zero") || lower.contains("division by zero") {
        return Error::new(ErrorKind::DivisionByZero, "division by zero");
    }
    if lower.contains("more than one row") {
        return Error::new(
            ErrorKind::CardinalityViolation,
            "more than one row returned by a subquery used as an expression",
        );
    }
    if lower.contains("overflow") {
        return Error::new(ErrorKind::NumericValueOutOfRange, "value out of range");
    }
    if lower.contains("regex") || lower.contains("regular expression") {
        return Error::new(ErrorKind::InvalidRegularExpression, first_line(text));
    }
    if lower.contains("error parsing timestamp") || lower.contains("parse") && lower.contains("date") {
        return Error::new(ErrorKind::InvalidDatetimeFormat, first_line(text));
    }
    if lower.contains("cannot cast") || lower.contains("cast error") {
        return from_cast(text);
    }
    Error::new(ErrorKind::InvalidParameterValue, first_line(text))
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, tail) = text.split_once(before)?;
    tail.split_once(after).map(|(found, _)| found)
}

/// The first line without the engine's prefix; what follows are notes for its own developers.
fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or(text);
    let line = line.strip_prefix("Error during planning: ").unwrap_or(line);
    let mut characters = line.chars();
    let lowered: String = characters
        .next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect());
    lowered.trim_end_matches('.').to_string()
}
