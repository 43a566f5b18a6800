//! COPY … TO STDOUT.

use datafusion::sql::sqlparser::ast::Statement;

use super::connection::Connection;
use super::io::Outcome;
use crate::error::Error;
use crate::session::statements::ParsedStatement;

impl Connection {
    pub async fn copy_out(&mut self, _query: &ParsedStatement, _copy: &Statement) -> Outcome<String> {
        Err(Error::not_supported("COPY TO STDOUT is not supported").into())
    }
}
