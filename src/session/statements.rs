//! From SQL text to statements: parsing in PostgreSQL's dialect, and what kind of work each statement asks for.

use datafusion::sql::parser::{DFParserBuilder, Statement as EngineStatement};
use datafusion::sql::sqlparser::ast::{
    self, CloseCursor, CopySource, DataType as SqlType, Expr, Ident, ObjectName, Set, Statement, TransactionAccessMode,
    TransactionMode,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::copy_statement::{CopyOption, CopyStatement, CopyTarget, parse_copy};
use super::cursor_statements;
use super::limits::MOST_NESTING;
pub use crate::dialect::folded;

use super::{table_command, text_limits};
use crate::error::{Error, ErrorKind, Result};

/// How deep expressions and subqueries may nest before a statement is refused as too complex.
const MAX_NESTING: usize = 100;

/// One statement of a query string, parsed but not planned.
#[derive(Debug, Clone)]
pub struct ParsedStatement {
    /// The statement's own text, without the others of its string.
    pub text: String,
    pub work: Work,
}

/// What a statement asks for. The session plans queries and answers settings; transactions, cursors and named
/// statements belong to a connection and are kept by the protocol that has them.
#[derive(Debug, Clone)]
pub enum Work {
    /// Anything that the query engine plans: SELECT, VALUES, EXPLAIN … and everything the gate will refuse.
    Query(Box<Statement>),
    Show(String),
    Set {
        name: String,
        value: Option<String>,
        local: bool,
    },
    Reset(Option<String>),
    Begin {
        /// Whether it was written START TRANSACTION, which is then its tag.
        is_start: bool,
        isolation: Option<String>,
        read_only: Option<bool>,
    },
    Commit {
        chain: bool,
    },
    Rollback {
        chain: bool,
    },
    Savepoint(String),
    ReleaseSavepoint(String),
    RollbackToSavepoint(String),
    Discard(String),
    Prepare {
        name: String,
        types: Vec<SqlType>,
        statement: Box<ParsedStatement>,
    },
    Execute {
        name: String,
        arguments: Vec<Expr>,
    },
    Deallocate(Option<String>),
    CloseCursor(Option<String>),
    Declare {
        name: String,
        hold: bool,
        query: Box<ParsedStatement>,
    },
    Fetch {
        name: String,
        count: FetchCount,
    },
    /// FETCH without the rows.
    Move {
        name: String,
        count: FetchCount,
    },
    /// INSERT: rows for the managed table.
    Insert(Box<ast::Insert>),
    /// COPY … FROM STDIN: where the rows go, and the options as they were written.
    CopyIn {
        table: ObjectName,
        columns: Vec<Ident>,
        options: Vec<CopyOption>,
    },
    /// COPY … TO STDOUT: the query whose rows are copied, and the options as they were written.
    CopyOut {
        query: Box<ParsedStatement>,
        options: Vec<CopyOption>,
    },
    /// LISTEN, UNLISTEN, SET TRANSACTION and the like: accepted, nothing to do.
    Accepted(&'static str),
    /// A statement that this server never runs, with the reason.
    Refused(Box<Error>),
}

/// Which rows FETCH asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchCount {
    /// The next so many.
    Rows(u64),
    All,
    /// The one so many places ahead.
    Relative(u64),
    /// The one at a place from 1.
    Absolute(u64),
    /// Any that lie behind, which cursors here do not keep.
    Backward,
}

impl Work {
    /// Whether the statement makes the query engine compute.
    pub fn computes(&self) -> bool {
        matches!(
            self,
            Self::Query(_)
                | Self::Insert(_)
                | Self::Execute { .. }
                | Self::Declare { .. }
                | Self::Fetch { .. }
                | Self::Move { .. }
                | Self::CopyOut { .. }
        )
    }
}

impl ParsedStatement {
    /// The command tag's first word or words, as PostgreSQL sends them.
    pub fn tag(&self) -> &'static str {
        match &self.work {
            Work::Query(statement) => match statement.as_ref() {
                Statement::Explain { .. } | Statement::ExplainTable { .. } => "EXPLAIN",
                Statement::ShowTables { .. } | Statement::ShowColumns { .. } | Statement::ShowFunctions { .. } => {
                    "SHOW"
                }
                _ => "SELECT",
            },
            Work::Show(_) => "SHOW",
            Work::Set { .. } => "SET",
            Work::Reset(_) => "RESET",
            Work::Begin { is_start: true, .. } => "START TRANSACTION",
            Work::Begin { .. } => "BEGIN",
            Work::Commit { .. } => "COMMIT",
            Work::Rollback { .. } | Work::RollbackToSavepoint(_) => "ROLLBACK",
            Work::Savepoint(_) => "SAVEPOINT",
            Work::ReleaseSavepoint(_) => "RELEASE",
            Work::Discard(what) if what == "ALL" => "DISCARD ALL",
            Work::Discard(what) if what == "PLANS" => "DISCARD PLANS",
            Work::Discard(what) if what == "SEQUENCES" => "DISCARD SEQUENCES",
            Work::Discard(_) => "DISCARD TEMP",
            Work::Prepare { .. } => "PREPARE",
            Work::Execute { .. } => "EXECUTE",
            Work::Deallocate(Some(_)) => "DEALLOCATE",
            Work::Deallocate(None) => "DEALLOCATE ALL",
            Work::CloseCursor(Some(_)) => "CLOSE CURSOR",
            Work::CloseCursor(None) => "CLOSE CURSOR ALL",
            Work::Declare { .. } => "DECLARE CURSOR",
            Work::Fetch { .. } => "FETCH",
            Work::Move { .. } => "MOVE",
            Work::Insert(_) => "INSERT",
            Work::CopyOut { .. } | Work::CopyIn { .. } => "COPY",
            Work::Accepted(tag) => tag,
            Work::Refused(_) => "",
        }
    }
}

/// Refusing deep brackets before the parser sees them spares its attempts at every level to read a bracket in another
/// way, whose number doubles with each.
fn check_brackets(tokens: &[TokenWithSpan], most: usize) -> Result<()> {
    let mut depth = 0usize;
    for token in tokens {
        match token.token {
            Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
            Token::RParen | Token::RBracket | Token::RBrace => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > most {
            return Err(too_deep(most));
        }
    }
    Ok(())
}

fn too_deep(levels: usize) -> Error {
    Error::new(ErrorKind::StatementTooComplex, "statement is nested too deeply")
        .with_hint(format!("at most {levels} levels of nesting are allowed"))
}

/// Parses a string of statements separated by semicolons. An empty string, or one of comments only, gives none.
pub fn parse(sql: &str) -> Result<Vec<ParsedStatement>> {
    parse_within(sql, MOST_NESTING)
}

/// The same with a limit of the administrator's on how deep brackets may nest.
pub fn parse_within(sql: &str, most_nesting: usize) -> Result<Vec<ParsedStatement>> {
    text_limits::check(sql)?;
    let dialect = PostgreSqlDialect {};
    let tokens = Tokenizer::new(&dialect, sql)
        .tokenize_with_location()
        .map_err(|error| Error::new(ErrorKind::Syntax, lower_first(&error.message)))?;
    check_brackets(&tokens, most_nesting.min(MOST_NESTING))?;
    let mut parser = Parser::new(&dialect)
        .with_recursion_limit(MAX_NESTING)
        .with_tokens_with_locations(table_command::written_out(tokens));
    let mut cursor = Cursor::new(sql);
    let mut statements = Vec::new();
    loop {
        while parser.consume_token(&Token::SemiColon) {}
        let start = cursor.advance_to(parser.peek_token().span.start);
        if parser.peek_token().token == Token::EOF {
            return Ok(statements);
        }
        let parsed =
            parse_one(&mut parser).map_err(|error| refused(sql).unwrap_or_else(|| syntax_error(sql, error)))?;
        let next = parser.peek_token();
        let at_end = next.token == Token::EOF;
        let end = if at_end {
            sql.len()
        } else {
            cursor.advance_to(next.span.start)
        };
        if !at_end && next.token != Token::SemiColon {
            return Err(refused(sql).unwrap_or_else(|| syntax_error_at(sql, &next.token, end)));
        }
        let text = sql.get(start..end).unwrap_or(sql).trim().to_string();
        statements.push(match parsed {
            Parsed::Statement(statement) => classify(*statement, text)?,
            Parsed::Copy(copy) => ParsedStatement {
                work: copy_work(copy)?,
                text,
            },
            Parsed::Work(work) => ParsedStatement { text, work },
        });
    }
}

/// A statement as the parser gives it, or one that the parser does not know or not as well as PostgreSQL.
enum Parsed {
    Statement(Box<Statement>),
    Copy(CopyStatement),
    Work(Work),
}

fn parse_one(parser: &mut Parser<'_>) -> std::result::Result<Parsed, ParserError> {
    if parser.parse_keyword(Keyword::COPY) {
        return parse_copy(parser).map(Parsed::Copy);
    }
    if let Some(work) = cursor_statements::parse(parser)? {
        return Ok(Parsed::Work(work));
    }
    Ok(Parsed::Statement(Box::new(parser.parse_statement()?)))
}

/// Finds the bytes of tokens in the order of the text. It only goes forward, so that a text of very many statements
/// takes time in proportion to its length.
struct Cursor<'a> {
    rest: std::iter::Peekable<std::str::CharIndices<'a>>,
    length: usize,
    line: u64,
    column: u64,
}

impl<'a> Cursor<'a> {
    fn new(sql: &'a str) -> Self {
        Self {
            rest: sql.char_indices().peekable(),
            length: sql.len(),
            line: 1,
            column: 1,
        }
    }

    /// The byte where a token begins; the tokenizer counts lines and characters from 1, and gives 0 for the end.
    fn advance_to(&mut self, location: Location) -> usize {
        while let Some((byte, letter)) = self.rest.peek().copied() {
            if location.line != 0 && (self.line, self.column) >= (location.line, location.column) {
                return byte;
            }
            self.rest.next();
            if letter == '\n' {
                (self.line, self.column) = (self.line + 1, 1);
            } else {
                self.column += 1;
            }
        }
        self.length
    }
}

/// Statements of the engine's own dialect (CREATE EXTERNAL TABLE, COPY … STORED AS) do not parse as PostgreSQL's;
/// they are refused as what they are rather than as a slip of the pen.
fn refused(sql: &str) -> Option<Error> {
    let is_engine_statement = DFParserBuilder::new(sql)
        .with_dialect(&PostgreSqlDialect {})
        .build()
        .and_then(|mut parser| parser.parse_statements())
        .is_ok_and(|parsed| {
            parsed.iter().any(|one| {
                matches!(
                    one,
                    EngineStatement::CreateExternalTable(_) | EngineStatement::CopyTo(_) | EngineStatement::Reset(_)
                )
            })
        });
    if is_engine_statement {
        return Some(Error::new(
            ErrorKind::InsufficientPrivilege,
            "permission denied: files cannot be reached from sql",
        ));
    }
    let word = first_word(sql).filter(|word| NEVER_RUN.contains(&word.as_str()))?;
    Some(Error::new(
        ErrorKind::ReadOnlyTransaction,
        format!("cannot execute {word} in a read-only transaction"),
    ))
}

/// Statements of PostgreSQL that the parser does not know in all their forms, and that never run here in any form.
const NEVER_RUN: [&str; 22] = [
    "ALTER",
    "ANALYZE",
    "CALL",
    "CHECKPOINT",
    "CLUSTER",
    "COMMENT",
    "CREATE",
    "DELETE",
    "DO",
    "DROP",
    "GRANT",
    "IMPORT",
    "INSERT",
    "LOAD",
    "LOCK",
    "MERGE",
    "REASSIGN",
    "REFRESH",
    "REINDEX",
    "REVOKE",
    "TRUNCATE",
    "UPDATE",
];

fn first_word(sql: &str) -> Option<String> {
    sql.split(|letter: char| !letter.is_ascii_alphabetic())
        .find(|word| !word.is_empty())
        .map(str::to_uppercase)
}

fn syntax_error(sql: &str, error: ParserError) -> Error {
    let text = match error {
        ParserError::RecursionLimitExceeded => {
            return too_deep(MAX_NESTING);
        }
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text,
    };
    if text.contains("Expect a char") {
        return Error::not_supported("COPY options of one character must be a single one-byte character");
    }
    let Some((expectation, location)) = text.rsplit_once(" at Line: ") else {
        return Error::new(ErrorKind::Syntax, lower_first(&text));
    };
    let position = location
        .split_once(", Column: ")
        .and_then(|(line, column)| Some((line.trim().parse().ok()?, column.trim().parse().ok()?)))
        .map(|(line, column)| Cursor::new(sql).advance_to(Location::new(line, column)));
    let found = expectation.rsplit_once("found: ").map(|(_, found)| found.to_string());
    let error = match &found {
        Some(found) if found == "EOF" => Error::new(ErrorKind::Syntax, "syntax error at end of input"),
        Some(found) => Error::new(ErrorKind::Syntax, format!("syntax error at or near \"{found}\"")),
        None => Error::new(ErrorKind::Syntax, lower_first(expectation)),
    };
    let error = match found.and(expectation.rsplit_once(", found: ")) {
        Some((expected, _)) => error.with_detail(format!("{}.", expected.trim())),
        None => error,
    };
    match position {
        Some(offset) => error.at(character_position(sql, offset)),
        None => error,
    }
}

fn syntax_error_at(sql: &str, token: &Token, offset: usize) -> Error {
    Error::new(ErrorKind::Syntax, format!("syntax error at or near \"{token}\"")).at(character_position(sql, offset))
}

fn character_position(sql: &str, byte_offset: usize) -> usize {
    sql.get(..byte_offset).map_or(0, |before| before.chars().count()) + 1
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

fn folded_name(name: &ObjectName) -> String {
    let parts: Vec<String> = name
        .0
        .iter()
        .map(|part| part.as_ident().map_or_else(|| part.to_string(), folded))
        .collect();
    parts.join(".")
}

fn classify(statement: Statement, text: String) -> Result<ParsedStatement> {
    let work = match statement {
        Statement::ShowVariable { variable } => Work::Show(setting_name(&variable)),
        Statement::Set(set) => set_work(set)?,
        Statement::Reset(reset) => match reset.reset {
            ast::Reset::ALL => Work::Reset(None),
            ast::Reset::ConfigurationParameter(name) => Work::Reset(Some(folded_name(&name))),
        },
        Statement::StartTransaction { modes, begin, .. } => Work::Begin {
            is_start: !begin,
            isolation: isolation(&modes),
            read_only: read_only(&modes),
        },
        Statement::Commit { chain, .. } => Work::Commit { chain },
        Statement::Rollback {
            savepoint: Some(name), ..
        } => Work::RollbackToSavepoint(folded(&name)),
        Statement::Rollback { chain, .. } => Work::Rollback { chain },
        Statement::Savepoint { name } => Work::Savepoint(folded(&name)),
        Statement::ReleaseSavepoint { name } => Work::ReleaseSavepoint(folded(&name)),
        Statement::Discard { object_type } => Work::Discard(object_type.to_string()),
        Statement::Deallocate { name, .. } => {
            let name = folded(&name);
            Work::Deallocate((name != "all").then_some(name))
        }
        Statement::Close { cursor } => Work::CloseCursor(match cursor {
            CloseCursor::All => None,
            CloseCursor::Specific { name } => Some(folded(&name)),
        }),
        Statement::LISTEN { .. } => Work::Accepted("LISTEN"),
        Statement::UNLISTEN { .. } => Work::Accepted("UNLISTEN"),
        Statement::Prepare {
            name,
            data_types,
            statement,
        } => Work::Prepare {
            name: folded(&name),
            types: data_types,
            statement: Box::new(inner_statement(*statement)?),
        },
        Statement::Execute {
            name: Some(name),
            parameters,
            ..
        } => Work::Execute {
            name: folded_name(&name),
            arguments: parameters,
        },
        Statement::Declare { stmts } => declare_work(stmts)?,
        Statement::Insert(insert) => Work::Insert(Box::new(insert)),
        other => Work::Query(Box::new(other)),
    };
    Ok(ParsedStatement { text, work })
}

/// A statement inside another (PREPARE, DECLARE, COPY), which must itself be a query.
fn inner_statement(statement: Statement) -> Result<ParsedStatement> {
    let text = statement.to_string();
    let parsed = classify(statement, text)?;
    match parsed.work {
        Work::Query(_) | Work::Insert(_) | Work::Refused(_) => Ok(parsed),
        _ => Err(Error::new(
            ErrorKind::Syntax,
            "only a query can stand inside this statement",
        )),
    }
}

fn declare_work(mut declarations: Vec<ast::Declare>) -> Result<Work> {
    let (Some(declaration), true) = (declarations.pop(), declarations.is_empty()) else {
        return Err(Error::not_supported("only one cursor can be declared in a statement"));
    };
    let (Some(name), Some(query)) = (declaration.names.first(), declaration.for_query) else {
        return Err(Error::new(ErrorKind::Syntax, "declare needs a cursor name and a query"));
    };
    Ok(Work::Declare {
        name: folded(name),
        hold: declaration.hold == Some(true),
        query: Box::new(inner_statement(Statement::Query(query))?),
    })
}

fn copy_in_work(copy: CopyStatement) -> Result<Work> {
    match copy.source {
        CopySource::Table { table_name, columns } => Ok(Work::CopyIn {
            table: table_name,
            columns,
            options: copy.options,
        }),
        CopySource::Query(_) => Err(Error::new(ErrorKind::Syntax, "syntax error at or near \"FROM\"")
            .with_detail("COPY FROM names a relation, not a query.")),
    }
}

fn copy_work(copy: CopyStatement) -> Result<Work> {
    match copy.target {
        CopyTarget::ToStdout => {}
        CopyTarget::FromStdin => return copy_in_work(copy),
        CopyTarget::Server => {
            let refusal = Error::new(
                ErrorKind::InsufficientPrivilege,
                "permission denied to COPY to or from a file or program",
            )
            .with_hint("anyone can COPY to stdout or from stdin; psql's \\copy command also works for anyone");
            return Ok(Work::Refused(Box::new(refusal)));
        }
    }
    let query = match &copy.source {
        CopySource::Query(query) => inner_statement(Statement::Query(query.clone()))?,
        CopySource::Table { table_name, columns } => {
            let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
            let list = if columns.is_empty() {
                "*".to_string()
            } else {
                columns.join(", ")
            };
            let mut parsed = parse(&format!("SELECT {list} FROM {table_name}"))?;
            parsed.pop().ok_or_else(|| Error::internal("copy without a query"))?
        }
    };
    Ok(Work::CopyOut {
        query: Box::new(query),
        options: copy.options,
    })
}

fn setting_name(variable: &[Ident]) -> String {
    let words: Vec<String> = variable.iter().map(folded).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["transaction", "isolation", "level"] => "transaction_isolation".to_string(),
        ["time", "zone"] => "timezone".to_string(),
        ["session", "authorization"] => "session_authorization".to_string(),
        other => other.join("."),
    }
}

fn set_work(set: Set) -> Result<Work> {
    match set {
        Set::SingleAssignment {
            scope,
            variable,
            values,
            ..
        } => {
            let value = match values.as_slice() {
                [single] => setting_value(single)?,
                many => {
                    let values: Result<Vec<_>> = many.iter().map(setting_value).collect();
                    Some(values?.into_iter().flatten().collect::<Vec<_>>().join(", "))
                }
            };
            let local = matches!(scope, Some(ast::ContextModifier::Local));
            Ok(Work::Set {
                name: folded_name(&variable),
                value,
                local,
            })
        }
        Set::SetTimeZone { local, value } => Ok(Work::Set {
            name: "timezone".to_string(),
            value: zone_value(&value)?,
            local,
        }),
        Set::SetNames { charset_name, .. } => Ok(Work::Set {
            name: "client_encoding".to_string(),
            value: Some(charset_name.to_string()),
            local: false,
        }),
        Set::SetNamesDefault {} => Ok(Work::Set {
            name: "client_encoding".to_string(),
            value: None,
            local: false,
        }),
        Set::SetTransaction { modes, session, .. } => Ok(match isolation(&modes) {
            Some(level) => Work::Set {
                name: if session {
                    "default_transaction_isolation"
                } else {
                    "transaction_isolation"
                }
                .to_string(),
                value: Some(level),
                local: !session,
            },
            None => Work::Accepted("SET"),
        }),
        Set::SetSessionAuthorization(_) | Set::SetRole { role_name: Some(_), .. } => {
            let refusal = Error::new(ErrorKind::InsufficientPrivilege, "permission denied to set role");
            Ok(Work::Refused(Box::new(refusal)))
        }
        Set::SetRole { role_name: None, .. } => Ok(Work::Accepted("SET")),
        _ => Err(Error::not_supported("this form of SET is not supported")),
    }
}

/// The isolation level that a transaction's modes name, as it is shown.
fn isolation(modes: &[TransactionMode]) -> Option<String> {
    modes.iter().find_map(|mode| match mode {
        TransactionMode::IsolationLevel(level) => Some(level.to_string().to_lowercase()),
        TransactionMode::AccessMode(_) => None,
    })
}

/// Whether a transaction's modes say that it only reads.
fn read_only(modes: &[TransactionMode]) -> Option<bool> {
    modes.iter().find_map(|mode| match mode {
        TransactionMode::AccessMode(access) => Some(*access == TransactionAccessMode::ReadOnly),
        TransactionMode::IsolationLevel(_) => None,
    })
}

/// A time zone: LOCAL and DEFAULT for the default, an interval as a number of hours, or whatever a setting may be.
fn zone_value(value: &Expr) -> Result<Option<String>> {
    match value {
        Expr::Identifier(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("local") => Ok(None),
        Expr::Interval(interval) => {
            let text = setting_value(&interval.value)?.unwrap_or_default();
            hours(&text).map(|hours| Some(hours.to_string())).ok_or_else(|| {
                let message = "time zone interval must be given as hours and minutes";
                Error::new(ErrorKind::InvalidParameterValue, message)
            })
        }
        other => setting_value(other),
    }
}

/// `-08:30` as a number of hours.
fn hours(text: &str) -> Option<f64> {
    let (hours, minutes) = text.trim().split_once(':').unwrap_or((text.trim(), "0"));
    let (whole, part): (f64, f64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let part = part / 60.0;
    Some(if hours.starts_with('-') {
        whole - part
    } else {
        whole + part
    })
}

/// A setting's value as text; `None` stands for DEFAULT.
fn setting_value(value: &Expr) -> Result<Option<String>> {
    let text = match value {
        Expr::Identifier(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("default") => {
            return Ok(None);
        }
        Expr::Identifier(word) => word.value.clone(),
        Expr::Value(literal) => literal
            .value
            .clone()
            .into_string()
            .unwrap_or_else(|| literal.value.to_string()),
        Expr::UnaryOp { .. } | Expr::CompoundIdentifier(_) | Expr::Interval(_) => value.to_string(),
        _ => return Err(Error::new(ErrorKind::Syntax, "set needs a literal value")),
    };
    Ok(Some(text))
}
