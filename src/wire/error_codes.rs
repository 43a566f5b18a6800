//! Error kind to SQLSTATE and to gRPC code: the only file that names either. The matches are exhaustive, so a new kind
//! does not compile before it has both.

use ring::rand::{SecureRandom, SystemRandom};
use tonic::Code;

use crate::error::{Error, ErrorKind};

/// The SQLSTATE of a message that is no error.
pub const SUCCESSFUL_COMPLETION: &str = "00000";

/// The SQLSTATE that PostgreSQL 15 sends for this kind of error.
pub fn sqlstate(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ConnectionException => "08000",
        ErrorKind::ProtocolViolation => "08P01",
        ErrorKind::FeatureNotSupported => "0A000",
        ErrorKind::CardinalityViolation => "21000",
        ErrorKind::NumericValueOutOfRange => "22003",
        ErrorKind::InvalidDatetimeFormat => "22007",
        ErrorKind::DatetimeFieldOverflow => "22008",
        ErrorKind::DivisionByZero => "22012",
        ErrorKind::InvalidRegularExpression => "2201B",
        ErrorKind::CharacterNotInRepertoire => "22021",
        ErrorKind::InvalidParameterValue => "22023",
        ErrorKind::InvalidTextRepresentation => "22P02",
        ErrorKind::BadCopyFileFormat => "22P04",
        ErrorKind::NotNullViolation => "23502",
        ErrorKind::CheckViolation => "23514",
        ErrorKind::InvalidBinaryRepresentation => "22P03",
        ErrorKind::InvalidCursorState => "24000",
        ErrorKind::ActiveTransaction => "25001",
        ErrorKind::ReadOnlyTransaction => "25006",
        ErrorKind::NoActiveTransaction => "25P01",
        ErrorKind::InFailedTransaction => "25P02",
        ErrorKind::IdleInTransactionTimeout => "25P03",
        ErrorKind::InvalidStatementName => "26000",
        ErrorKind::InvalidAuthorization => "28000",
        ErrorKind::InvalidPassword => "28P01",
        ErrorKind::InvalidCursorName => "34000",
        ErrorKind::InvalidDatabase => "3D000",
        ErrorKind::InvalidSavepoint => "3B001",
        ErrorKind::InvalidSchema => "3F000",
        ErrorKind::InsufficientPrivilege => "42501",
        ErrorKind::Syntax => "42601",
        ErrorKind::DuplicateColumn => "42701",
        ErrorKind::AmbiguousColumn => "42702",
        ErrorKind::UndefinedColumn => "42703",
        ErrorKind::UndefinedObject => "42704",
        ErrorKind::DuplicateAlias => "42712",
        ErrorKind::AmbiguousFunction => "42725",
        ErrorKind::Grouping => "42803",
        ErrorKind::DatatypeMismatch => "42804",
        ErrorKind::CannotCoerce => "42846",
        ErrorKind::UndefinedFunction => "42883",
        ErrorKind::UndefinedTable => "42P01",
        ErrorKind::UndefinedParameter => "42P02",
        ErrorKind::DuplicateCursor => "42P03",
        ErrorKind::DuplicatePreparedStatement => "42P05",
        ErrorKind::InvalidColumnReference => "42P10",
        ErrorKind::IndeterminateDatatype => "42P18",
        ErrorKind::Windowing => "42P20",
        ErrorKind::DiskFull => "53100",
        ErrorKind::OutOfMemory => "53200",
        ErrorKind::TooManyConnections => "53300",
        ErrorKind::ConfigurationLimitExceeded => "53400",
        ErrorKind::ProgramLimitExceeded => "54000",
        ErrorKind::StatementTooComplex => "54001",
        ErrorKind::ObjectNotInPrerequisiteState => "55000",
        ErrorKind::ObjectInUse => "55006",
        ErrorKind::DuplicateTable => "42P07",
        ErrorKind::WrongObjectType => "42809",
        ErrorKind::CannotChangeParameter => "55P02",
        ErrorKind::QueryCanceled | ErrorKind::StatementTimeout => "57014",
        ErrorKind::AdminShutdown => "57P01",
        ErrorKind::CannotConnectNow => "57P03",
        ErrorKind::IdleTimeout => "57P05",
        ErrorKind::Io => "58030",
        ErrorKind::Configuration => "F0000",
        ErrorKind::Internal => "XX000",
        ErrorKind::DataCorrupted => "XX001",
    }
}

/// The gRPC code for this kind of error.
pub fn grpc_code(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::FeatureNotSupported => Code::Unimplemented,
        ErrorKind::InvalidAuthorization | ErrorKind::InvalidPassword => Code::Unauthenticated,
        ErrorKind::ReadOnlyTransaction
        | ErrorKind::InsufficientPrivilege
        | ErrorKind::CannotChangeParameter
        | ErrorKind::IdleInTransactionTimeout
        | ErrorKind::IdleTimeout => Code::PermissionDenied,
        ErrorKind::InvalidDatabase
        | ErrorKind::InvalidSchema
        | ErrorKind::InvalidSavepoint
        | ErrorKind::InvalidCursorName
        | ErrorKind::InvalidStatementName
        | ErrorKind::UndefinedTable
        | ErrorKind::UndefinedObject => Code::NotFound,
        ErrorKind::ProtocolViolation
        | ErrorKind::CardinalityViolation
        | ErrorKind::CharacterNotInRepertoire
        | ErrorKind::InvalidTextRepresentation
        | ErrorKind::InvalidBinaryRepresentation
        | ErrorKind::InvalidDatetimeFormat
        | ErrorKind::DatetimeFieldOverflow
        | ErrorKind::DivisionByZero
        | ErrorKind::NumericValueOutOfRange
        | ErrorKind::InvalidParameterValue
        | ErrorKind::InvalidRegularExpression
        | ErrorKind::InvalidCursorState
        | ErrorKind::ActiveTransaction
        | ErrorKind::NoActiveTransaction
        | ErrorKind::InFailedTransaction
        | ErrorKind::Syntax
        | ErrorKind::UndefinedColumn
        | ErrorKind::UndefinedFunction
        | ErrorKind::UndefinedParameter
        | ErrorKind::AmbiguousColumn
        | ErrorKind::AmbiguousFunction
        | ErrorKind::DuplicateColumn
        | ErrorKind::DuplicateAlias
        | ErrorKind::DuplicateCursor
        | ErrorKind::DuplicatePreparedStatement
        | ErrorKind::DatatypeMismatch
        | ErrorKind::IndeterminateDatatype
        | ErrorKind::CannotCoerce
        | ErrorKind::Grouping
        | ErrorKind::Windowing
        | ErrorKind::InvalidColumnReference
        | ErrorKind::NotNullViolation
        | ErrorKind::CheckViolation
        | ErrorKind::BadCopyFileFormat
        | ErrorKind::DuplicateTable
        | ErrorKind::WrongObjectType
        | ErrorKind::ObjectNotInPrerequisiteState => Code::InvalidArgument,
        ErrorKind::OutOfMemory
        | ErrorKind::DiskFull
        | ErrorKind::TooManyConnections
        | ErrorKind::ConfigurationLimitExceeded
        | ErrorKind::ProgramLimitExceeded
        | ErrorKind::StatementTooComplex => Code::ResourceExhausted,
        ErrorKind::QueryCanceled => Code::Cancelled,
        ErrorKind::StatementTimeout => Code::DeadlineExceeded,
        ErrorKind::ConnectionException
        | ErrorKind::AdminShutdown
        | ErrorKind::CannotConnectNow
        | ErrorKind::ObjectInUse
        | ErrorKind::Io => Code::Unavailable,
        ErrorKind::DataCorrupted | ErrorKind::Configuration | ErrorKind::Internal => Code::Internal,
    }
}

/// The error as a client may read it. A bug's own words go to the log under an id, and the client gets the id.
pub fn for_client(error: Error) -> Error {
    if error.kind != ErrorKind::Internal {
        return error;
    }
    let id = incident_id();
    tracing::error!(incident = %id, error = %error, "internal error");
    Error::internal(format!("internal error (id {id})"))
        .with_hint("this is a bug; the server's log says more under this id")
}

fn incident_id() -> String {
    let mut bytes = [0u8; 6];
    // Without the system's randomness the id is zeros, which is still better than no answer.
    let _ = SystemRandom::new().fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bug_shows_its_id_and_nothing_else() {
        let shown = for_client(Error::internal("index 7 out of bounds in /srv/secret.rs"));
        assert!(shown.message.starts_with("internal error (id "), "{}", shown.message);
        assert!(!shown.to_string().contains("secret"), "{shown}");
        let other = Error::new(ErrorKind::Syntax, "syntax error at end of input");
        assert_eq!(for_client(other.clone()), other);
    }
}
