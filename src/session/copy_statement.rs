//! `COPY … TO STDOUT` as a statement: its source, and its options as they were written. The parser's own reading knows
//! neither all of PostgreSQL's options nor which of them were given twice.

use datafusion::sql::sqlparser::ast::{CopySource, Ident};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

/// An option of COPY, named in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyOption {
    pub name: String,
    pub value: CopyValue,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyValue {
    /// The option alone, as in `HEADER`.
    None,
    /// A word, a number or a text in quotes.
    Text(String),
    /// All columns, as in `FORCE_QUOTE *`.
    Star,
    Columns(Vec<Ident>),
}

/// Where the rows go or come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyTarget {
    ToStdout,
    /// A file or a program of the server, either way.
    Server,
    FromStdin,
}

#[derive(Debug, Clone)]
pub struct CopyStatement {
    pub source: CopySource,
    pub target: CopyTarget,
    pub options: Vec<CopyOption>,
}

/// Reads what follows the word COPY.
pub fn parse_copy(parser: &mut Parser<'_>) -> Result<CopyStatement, ParserError> {
    // As in PostgreSQL before 7.3: COPY BINARY t TO STDOUT.
    let mut options = Vec::new();
    if word_is(parser, "binary") && !matches!(parser.peek_nth_token(1).token, Token::Period) {
        parser.next_token();
        options.push(plain("format", CopyValue::Text("binary".to_string())));
    }
    let source = if parser.consume_token(&Token::LParen) {
        let query = parser.parse_query()?;
        parser.expect_token(&Token::RParen)?;
        CopySource::Query(query)
    } else {
        let table_name = parser.parse_object_name(false)?;
        let columns =
            parser.parse_parenthesized_column_list(datafusion::sql::sqlparser::parser::IsOptional::Optional, false)?;
        CopySource::Table { table_name, columns }
    };
    let to = match parser.parse_one_of_keywords(&[Keyword::FROM, Keyword::TO]) {
        Some(keyword) => keyword == Keyword::TO,
        None => return parser.expected("FROM or TO", parser.peek_token()),
    };
    let target = if parser
        .parse_one_of_keywords(&[Keyword::STDOUT, Keyword::STDIN])
        .is_some()
    {
        if to {
            CopyTarget::ToStdout
        } else {
            CopyTarget::FromStdin
        }
    } else {
        let _ = parser.parse_keyword(Keyword::PROGRAM);
        parser.parse_literal_string()?;
        CopyTarget::Server
    };
    let _ = parser.parse_keyword(Keyword::WITH);
    if parser.consume_token(&Token::LParen) {
        options.extend(parser.parse_comma_separated(listed_option)?);
        parser.expect_token(&Token::RParen)?;
    } else {
        while let Some(option) = legacy_option(parser)? {
            options.push(option);
        }
    }
    Ok(CopyStatement {
        source,
        target,
        options,
    })
}

fn plain(name: &str, value: CopyValue) -> CopyOption {
    CopyOption {
        name: name.to_string(),
        value,
    }
}

fn word_is(parser: &Parser<'_>, expected: &str) -> bool {
    matches!(&parser.peek_token().token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(expected))
}

/// The next word in lower case, if it is one of those expected.
fn take_word(parser: &mut Parser<'_>, expected: &[&str]) -> Option<String> {
    let found = expected.iter().find(|word| word_is(parser, word))?;
    parser.next_token();
    Some((*found).to_string())
}

/// `name`, `name value`, `name *` or `name (columns)`.
fn listed_option(parser: &mut Parser<'_>) -> Result<CopyOption, ParserError> {
    let name = parser.parse_identifier()?;
    let name = crate::dialect::folded(&name);
    let value = match parser.peek_token().token {
        Token::Comma | Token::RParen => CopyValue::None,
        Token::Mul => {
            parser.next_token();
            CopyValue::Star
        }
        Token::LParen => {
            parser.next_token();
            let columns = parser.parse_comma_separated(Parser::parse_identifier)?;
            parser.expect_token(&Token::RParen)?;
            CopyValue::Columns(columns)
        }
        _ => CopyValue::Text(text(parser)?),
    };
    Ok(CopyOption { name, value })
}

fn text(parser: &mut Parser<'_>) -> Result<String, ParserError> {
    match parser.next_token().token {
        Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) => Ok(text),
        Token::Word(word) => Ok(word.value),
        Token::Number(number, _) => Ok(number),
        _ => {
            parser.prev_token();
            parser.expected("a value of an option", parser.peek_token())
        }
    }
}

/// One of the options that stand without brackets, as before PostgreSQL 9.0.
fn legacy_option(parser: &mut Parser<'_>) -> Result<Option<CopyOption>, ParserError> {
    const WORDS: [&str; 9] = [
        "binary",
        "freeze",
        "delimiter",
        "null",
        "csv",
        "header",
        "quote",
        "escape",
        "encoding",
    ];
    if take_word(parser, &["force"]).is_some() {
        return forced(parser).map(Some);
    }
    let Some(word) = take_word(parser, &WORDS) else {
        return Ok(None);
    };
    Ok(Some(match word.as_str() {
        "binary" | "csv" => plain("format", CopyValue::Text(word)),
        "freeze" | "header" => plain(&word, CopyValue::None),
        _ => {
            let _ = take_word(parser, &["as"]);
            plain(&word, CopyValue::Text(text(parser)?))
        }
    }))
}

/// `FORCE QUOTE *`, `FORCE QUOTE a, b`, `FORCE NOT NULL a`, `FORCE NULL a`.
fn forced(parser: &mut Parser<'_>) -> Result<CopyOption, ParserError> {
    let name = match take_word(parser, &["quote", "not", "null"]).as_deref() {
        Some("quote") => "force_quote",
        Some("not") if take_word(parser, &["null"]).is_some() => "force_not_null",
        Some("null") => "force_null",
        _ => return parser.expected("QUOTE, NOT NULL or NULL", parser.peek_token()),
    };
    if parser.consume_token(&Token::Mul) {
        return Ok(plain(name, CopyValue::Star));
    }
    let columns = parser.parse_comma_separated(Parser::parse_identifier)?;
    Ok(plain(name, CopyValue::Columns(columns)))
}
