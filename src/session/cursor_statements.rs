//! Statements of PostgreSQL that the parser does not know in all their forms: FETCH and MOVE with every direction,
//! ABORT, RESET TIME ZONE.

use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::statements::{FetchCount, Work, folded};

/// The next statement, if it is one of these; otherwise nothing is read.
pub fn parse(parser: &mut Parser) -> Result<Option<Work>, ParserError> {
    match word(&parser.peek_token().token).as_str() {
        "abort" => {
            parser.next_token();
            let chain = parser.parse_commit_rollback_chain()?;
            Ok(Some(Work::Rollback { chain }))
        }
        "fetch" => {
            parser.next_token();
            let (name, count) = fetch(parser)?;
            Ok(Some(Work::Fetch { name, count }))
        }
        "move" => {
            parser.next_token();
            let (name, count) = fetch(parser)?;
            Ok(Some(Work::Move { name, count }))
        }
        "reset" if follows(parser, 1, "time") && follows(parser, 2, "zone") => {
            for _ in 0..3 {
                parser.next_token();
            }
            Ok(Some(Work::Reset(Some("timezone".to_string()))))
        }
        _ => Ok(None),
    }
}

/// A word without quotes in lower case; empty for anything else.
fn word(token: &Token) -> String {
    match token {
        Token::Word(word) if word.quote_style.is_none() => word.value.to_lowercase(),
        _ => String::new(),
    }
}

fn follows(parser: &Parser, position: usize, expected: &str) -> bool {
    word(&parser.peek_nth_token(position).token) == expected
}

/// `[direction] [FROM | IN] name`.
fn fetch(parser: &mut Parser) -> Result<(String, FetchCount), ParserError> {
    let count = direction(parser)?;
    if matches!(word(&parser.peek_token().token).as_str(), "from" | "in") {
        parser.next_token();
    }
    Ok((folded(&parser.parse_identifier()?), count))
}

fn direction(parser: &mut Parser) -> Result<FetchCount, ParserError> {
    // A name at the end of the statement is the cursor's, whatever word it is.
    let is_name = matches!(parser.peek_nth_token(1).token, Token::EOF | Token::SemiColon);
    let first = if is_name {
        String::new()
    } else {
        word(&parser.peek_token().token)
    };
    let known = matches!(
        first.as_str(),
        "next" | "prior" | "first" | "last" | "absolute" | "relative" | "all" | "forward" | "backward"
    );
    if known {
        parser.next_token();
    } else {
        return Ok(match signed_number(parser)? {
            Some(rows) => forward(rows),
            None => FetchCount::Rows(1),
        });
    }
    Ok(match first.as_str() {
        "next" => FetchCount::Rows(1),
        "all" => FetchCount::All,
        "first" => FetchCount::Absolute(1),
        "absolute" => positive(required_number(parser)?).map_or(FetchCount::Backward, FetchCount::Absolute),
        "relative" => positive(required_number(parser)?).map_or(FetchCount::Backward, FetchCount::Relative),
        "forward" if word(&parser.peek_token().token) == "all" => {
            parser.next_token();
            FetchCount::All
        }
        "forward" => signed_number(parser)?.map_or(FetchCount::Rows(1), forward),
        "backward" => backward(parser)?,
        _ => FetchCount::Backward,
    })
}

/// A negative count goes backward, and backward by a negative count forward.
fn backward(parser: &mut Parser) -> Result<FetchCount, ParserError> {
    if word(&parser.peek_token().token) == "all" {
        parser.next_token();
        return Ok(FetchCount::Backward);
    }
    Ok(signed_number(parser)?.map_or(FetchCount::Backward, |rows| forward(-rows)))
}

fn forward(rows: i64) -> FetchCount {
    u64::try_from(rows).map_or(FetchCount::Backward, FetchCount::Rows)
}

fn positive(number: i64) -> Option<u64> {
    u64::try_from(number).ok().filter(|number| *number > 0)
}

fn required_number(parser: &mut Parser) -> Result<i64, ParserError> {
    match signed_number(parser)? {
        Some(number) => Ok(number),
        None => parser.expected("a number of rows", parser.peek_token()),
    }
}

/// PostgreSQL counts rows in 32 bits here.
fn signed_number(parser: &mut Parser) -> Result<Option<i64>, ParserError> {
    let is_negative = parser.consume_token(&Token::Minus);
    let has_sign = is_negative || parser.consume_token(&Token::Plus);
    let next = parser.peek_token();
    match &next.token {
        Token::Number(digits, _) => match digits.parse::<i32>() {
            Ok(number) => {
                parser.next_token();
                let number = i64::from(number);
                Ok(Some(if is_negative { -number } else { number }))
            }
            Err(_) => parser.expected("a whole number of rows", next),
        },
        _ if has_sign => parser.expected("a number of rows", next),
        _ => Ok(None),
    }
}
