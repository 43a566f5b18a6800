//! What can go wrong, in the program's own words. No protocol is named here: `wire::error_codes` maps each kind to
//! PostgreSQL's SQLSTATE and to a gRPC code.

mod from_engine;

use std::fmt;

use datafusion::error::DataFusionError;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The class of an error. The names follow PostgreSQL's condition names where one exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    ProtocolViolation,
    ConnectionException,
    FeatureNotSupported,
    InvalidAuthorization,
    InvalidPassword,
    CardinalityViolation,
    InvalidDatabase,
    InvalidSchema,
    InvalidSavepoint,
    InvalidCursorName,
    InvalidStatementName,
    InvalidCursorState,
    CharacterNotInRepertoire,
    InvalidTextRepresentation,
    InvalidBinaryRepresentation,
    InvalidDatetimeFormat,
    DatetimeFieldOverflow,
    DivisionByZero,
    NumericValueOutOfRange,
    InvalidParameterValue,
    InvalidRegularExpression,
    NotNullViolation,
    CheckViolation,
    ObjectInUse,
    BadCopyFileFormat,
    DuplicateTable,
    WrongObjectType,
    ActiveTransaction,
    NoActiveTransaction,
    ReadOnlyTransaction,
    InFailedTransaction,
    Syntax,
    UndefinedTable,
    UndefinedColumn,
    UndefinedFunction,
    UndefinedParameter,
    UndefinedObject,
    AmbiguousColumn,
    AmbiguousFunction,
    DuplicateColumn,
    DuplicateAlias,
    DuplicateCursor,
    DuplicatePreparedStatement,
    DatatypeMismatch,
    IndeterminateDatatype,
    CannotCoerce,
    Grouping,
    Windowing,
    InvalidColumnReference,
    InsufficientPrivilege,
    OutOfMemory,
    DiskFull,
    TooManyConnections,
    ConfigurationLimitExceeded,
    ProgramLimitExceeded,
    StatementTooComplex,
    ObjectNotInPrerequisiteState,
    CannotChangeParameter,
    QueryCanceled,
    StatementTimeout,
    AdminShutdown,
    IdleTimeout,
    IdleInTransactionTimeout,
    CannotConnectNow,
    DataCorrupted,
    Io,
    /// The command line, the configuration or the data cannot be used: the program does not start.
    Configuration,
    /// A bug in this program.
    Internal,
}

/// An error with PostgreSQL's three voices: what happened, what exactly, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    pub kind: ErrorKind,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
    /// Where in the statement, as a character offset from 1.
    pub position: Option<usize>,
}

impl Error {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            detail: None,
            hint: None,
            position: None,
        }
    }

    pub fn configuration(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Configuration, message)
    }

    pub fn not_supported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::FeatureNotSupported, message)
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub fn at(mut self, position: usize) -> Self {
        self.position = Some(position);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        if let Some(detail) = &self.detail {
            write!(formatter, "\ndetail: {detail}")?;
        }
        if let Some(hint) = &self.hint {
            write!(formatter, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl From<Error> for DataFusionError {
    fn from(error: Error) -> Self {
        Self::External(Box::new(error))
    }
}
