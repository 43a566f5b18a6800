//! Errors as gRPC statuses: the code by the error's class, PostgreSQL's three voices in the message, and the SQLSTATE
//! both as the metadata entry `sqlstate` and as a `google.rpc.ErrorInfo` in the status's details.

use std::collections::HashMap;

use arrow_flight::sql::Any;
use bytes::Bytes;
use prost::Message;
use tonic::Status;
use tonic::metadata::{MetadataMap, MetadataValue};

use crate::error::Error;
use crate::wire::error_codes::{for_client, grpc_code, sqlstate};

/// A message longer than this is cut: it travels twice in headers, and clients refuse headers of more than 8 KiB.
const MAX_MESSAGE_BYTES: usize = 1200;

/// `google.rpc.Status`, what the header `grpc-status-details-bin` holds.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// `google.rpc.ErrorInfo`.
#[derive(Clone, PartialEq, Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
    #[prost(map = "string, string", tag = "3")]
    metadata: HashMap<String, String>,
}

/// The status that tells a client about an error.
pub fn to_status(error: Error) -> Status {
    let error = for_client(error);
    let code = grpc_code(error.kind);
    let state = sqlstate(error.kind);
    let message = shortened(error.to_string());
    let mut metadata = MetadataMap::new();
    if let Ok(value) = MetadataValue::try_from(state) {
        metadata.insert("sqlstate", value);
    }
    let details = details(i32::from(code), &message, state, error.position);
    Status::with_details_and_metadata(code, message, details, metadata)
}

fn details(code: i32, message: &str, state: &str, position: Option<usize>) -> Bytes {
    let position = position.map(|position| ("position".to_string(), position.to_string()));
    let info = ErrorInfo {
        reason: state.to_string(),
        domain: "mission_control".to_string(),
        metadata: position.into_iter().collect(),
    };
    let status = RpcStatus {
        code,
        message: message.to_string(),
        details: vec![Any {
            type_url: "type.googleapis.com/google.rpc.ErrorInfo".to_string(),
            value: info.encode_to_vec().into(),
        }],
    };
    status.encode_to_vec().into()
}

fn shortened(mut message: String) -> String {
    if message.len() > MAX_MESSAGE_BYTES {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES));
        message.push('…');
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_status_carries_code_voices_and_sqlstate() {
        let error = Error::new(ErrorKind::UndefinedTable, "relation \"x\" does not exist")
            .with_hint("look again")
            .at(15);
        let status = to_status(error);
        assert_eq!(status.code(), tonic::Code::NotFound);
        assert_eq!(status.message(), "relation \"x\" does not exist\nhint: look again");
        assert_eq!(status.metadata().get("sqlstate").unwrap(), "42P01");
        let details = RpcStatus::decode(status.details()).unwrap();
        assert_eq!(details.message, status.message());
        let info = ErrorInfo::decode(details.details[0].value.clone()).unwrap();
        assert_eq!(
            (info.reason.as_str(), info.metadata["position"].as_str()),
            ("42P01", "15")
        );
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let status = to_status(Error::new(ErrorKind::Syntax, "é".repeat(5000)));
        assert!(status.message().len() <= MAX_MESSAGE_BYTES + '…'.len_utf8());
        assert!(status.message().ends_with("é…"));
    }
}
