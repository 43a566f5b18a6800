//! `TABLE x`, which is `SELECT * FROM x` wherever a query may begin. The parser's own reading of it loses the name's
//! quotes and allows no ORDER BY or LIMIT.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

/// The tokens with each such TABLE written out, in its place.
pub fn written_out(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut may_begin = true;
    let mut rest = tokens.into_iter().peekable();
    let mut gap = Vec::new();
    while let Some(token) = rest.next() {
        if matches!(token.token, Token::Whitespace(_)) {
            out.push(token);
            continue;
        }
        let is_word = may_begin && keyword(&token.token) == Some(Keyword::TABLE);
        while let Some(blank) = rest.next_if(|next| is_word && matches!(next.token, Token::Whitespace(_))) {
            gap.push(blank);
        }
        let is_table = is_word && rest.peek().is_some_and(|next| is_name(&next.token));
        may_begin = query_may_follow(&token.token);
        if is_table {
            let words = [Token::make_keyword("SELECT"), Token::Mul, Token::make_keyword("FROM")];
            out.extend(words.map(|word| TokenWithSpan::new(word, token.span)));
        } else {
            out.push(token);
        }
        out.append(&mut gap);
    }
    out
}

/// Whether a relation's name begins here. The word may also label a column, behind which another clause begins.
fn is_name(token: &Token) -> bool {
    use Keyword::{EXCEPT, FETCH, FROM, GROUP, HAVING, INTERSECT, INTO, LIMIT, OFFSET, ORDER, UNION, WHERE, WINDOW};
    let clauses = [
        EXCEPT, FETCH, FROM, GROUP, HAVING, INTERSECT, INTO, LIMIT, OFFSET, ORDER, UNION, WHERE, WINDOW,
    ];
    match token {
        Token::Word(_) => keyword(token).is_none_or(|word| !clauses.contains(&word)),
        _ => false,
    }
}

fn query_may_follow(token: &Token) -> bool {
    use Keyword::{ALL, ANALYZE, AS, EXCEPT, EXPLAIN, FOR, INTERSECT, UNION, VERBOSE};
    matches!(token, Token::SemiColon | Token::LParen | Token::RParen)
        || matches!(
            keyword(token),
            Some(ALL | ANALYZE | AS | EXCEPT | EXPLAIN | FOR | INTERSECT | UNION | VERBOSE)
        )
}

fn keyword(token: &Token) -> Option<Keyword> {
    match token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.keyword),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::session::statements::{Work, parse};

    #[test]
    fn a_table_is_read_wherever_a_query_may_stand() {
        for (written, meant) in [
            ("TABLE channels", "SELECT * FROM channels"),
            ("table \"A b\".c LIMIT 2", "SELECT * FROM \"A b\".c LIMIT 2"),
            (
                "TABLE a UNION ALL TABLE b ORDER BY 1 OFFSET 3",
                "SELECT * FROM a UNION ALL SELECT * FROM b ORDER BY 1 OFFSET 3",
            ),
            (
                "WITH x AS (TABLE a) SELECT (TABLE x), 'TABLE y'",
                "WITH x AS (SELECT * FROM a) SELECT (SELECT * FROM x), 'TABLE y'",
            ),
            (
                "WITH x AS (TABLE a) TABLE x",
                "WITH x AS (SELECT * FROM a) SELECT * FROM x",
            ),
            (
                "SELECT a AS table, b AS table FROM t",
                "SELECT a AS table, b AS table FROM t",
            ),
            ("SELECT \"table\" FROM t", "SELECT \"table\" FROM t"),
        ] {
            let work = parse(written).unwrap().pop().map(|one| one.work);
            let Some(Work::Query(statement)) = work else {
                panic!("{written} is no query");
            };
            assert_eq!(statement.to_string(), meant);
        }
        assert!(parse("TABLE").is_err());
    }
}
