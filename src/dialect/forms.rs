//! Forms of PostgreSQL's language that the engine refuses or reads otherwise, in the engine's terms.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType as SqlType, DuplicateTreatment, Expr, Fetch, Function, FunctionArg,
    FunctionArgExpr, FunctionArguments, Interval, LimitClause, ObjectName, Query, SelectItem, SetExpr, TimezoneInfo,
    UnaryOperator, Value,
};

use super::calls::{call, catalog_name, plain_arguments, quoted_text, whole};
use super::functions::intervals;
use crate::error::{Error, ErrorKind, Result};

/// FETCH FIRST is LIMIT.
pub fn limit_instead_of_fetch(query: &mut Query) -> Result<()> {
    let Some(Fetch {
        with_ties,
        percent,
        quantity,
    }) = query.fetch.take()
    else {
        return Ok(());
    };
    if with_ties || percent {
        return Err(Error::not_supported("FETCH FIRST … WITH TIES is not supported"));
    }
    let count = Some(quantity.unwrap_or_else(|| whole(1)));
    match &mut query.limit_clause {
        Some(LimitClause::LimitOffset { limit, .. }) => *limit = count,
        clause => {
            *clause = Some(LimitClause::LimitOffset {
                limit: count,
                offset: None,
                limit_by: vec![],
            });
        }
    }
    Ok(())
}

/// `(SELECT ARRAY(…))`, a subquery that reads nothing and only holds another one, is that one: the engine knows the
/// columns of one query outside, not of two.
pub fn without_rows(query: &Query) -> Option<Expr> {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return None;
    };
    let only =
        query.with.is_none() && query.order_by.is_none() && query.limit_clause.is_none() && query.fetch.is_none();
    let [SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. }] = select.projection.as_slice()
    else {
        return None;
    };
    let bare = select.from.is_empty() && select.selection.is_none() && select.having.is_none();
    let holds_query = match item {
        Expr::Subquery(_) => true,
        Expr::Function(function) => matches!(catalog_name(&function.name)?.as_str(), "array" | "array_of_subquery"),
        _ => false,
    };
    (only && bare && holds_query).then(|| item.clone())
}

/// An expression in the engine's terms; `None` where it is already.
pub fn rewritten(expression: &Expr) -> Result<Option<Expr>> {
    Ok(match expression {
        Expr::Interval(interval) => return interval_literal(interval),
        Expr::TypedString(typed) => match &typed.value.value {
            Value::SingleQuotedString(text) => return literal_of_type(text, &typed.data_type),
            _ => None,
        },
        Expr::Cast {
            kind: CastKind::Cast | CastKind::DoubleColon,
            expr,
            data_type,
            ..
        } => match text_literal(expr) {
            Some(text) => return literal_of_type(text, data_type),
            None => None,
        },
        Expr::UnaryOp { op, expr } => unary(*op, expr),
        Expr::BinaryOp { left, op, right } => binary(left, op, right),
        Expr::Like {
            negated,
            any: false,
            expr,
            pattern,
            escape_char: Some(escape),
        } => escaped_like(pattern, &escape.value).map(|pattern| Expr::Like {
            negated: *negated,
            any: false,
            expr: expr.clone(),
            pattern: Box::new(pattern),
            escape_char: None,
        }),
        Expr::ILike {
            negated,
            any: false,
            expr,
            pattern,
            escape_char: Some(escape),
        } => escaped_like(pattern, &escape.value).map(|pattern| Expr::ILike {
            negated: *negated,
            any: false,
            expr: expr.clone(),
            pattern: Box::new(pattern),
            escape_char: None,
        }),
        Expr::SimilarTo {
            negated,
            expr,
            pattern,
            escape_char: None,
        } => text_literal(pattern).map(|pattern| {
            let op = if *negated {
                BinaryOperator::PGRegexNotMatch
            } else {
                BinaryOperator::PGRegexMatch
            };
            operation(expr, op, &quoted_text(&similar_as_regex(pattern)))
        }),
        Expr::Substring {
            expr,
            substring_from: Some(from),
            substring_for: None,
            ..
        } if text_literal(from).is_some() => {
            let found = call("regexp_match", vec![expr.as_ref().clone(), from.as_ref().clone()]);
            Some(call("array_element", vec![found, whole(1)]))
        }
        Expr::Extract { field, expr, .. } => {
            let field = field.to_string().trim_matches('"').to_lowercase();
            Some(call("date_part", vec![quoted_text(&field), expr.as_ref().clone()]))
        }
        Expr::Identifier(name) if name.quote_style.is_none() => clock_word(&name.value.to_lowercase()),
        Expr::Function(function) => function_call(function),
        _ => None,
    })
}

fn text_literal(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

fn operation(left: &Expr, op: BinaryOperator, right: &Expr) -> Expr {
    Expr::Nested(Box::new(Expr::BinaryOp {
        left: Box::new(left.clone()),
        op,
        right: Box::new(right.clone()),
    }))
}

fn cast_to(expression: Expr, data_type: SqlType) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(expression),
        data_type,
        array: false,
        format: None,
    }
}

/// `INTERVAL '…' unit` read as PostgreSQL reads it. Its field says what a number alone counts.
fn interval_literal(interval: &Interval) -> Result<Option<Expr>> {
    let Some(text) = text_literal(&interval.value) else {
        return Ok(None);
    };
    let field = interval.last_field.as_ref().or(interval.leading_field.as_ref());
    let bare_unit = field.map_or_else(|| "second".to_string(), ToString::to_string);
    Ok(Some(interval_in_words(text, &bare_unit)?))
}

fn interval_in_words(text: &str, bare_unit: &str) -> Result<Expr> {
    let span = intervals::parse(text, bare_unit)?;
    Ok(Expr::Interval(Interval {
        value: Box::new(quoted_text(&span.in_words())),
        leading_field: None,
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    }))
}

/// A literal of an interval, a date or a time in a form that the engine does not read.
fn literal_of_type(text: &str, data_type: &SqlType) -> Result<Option<Expr>> {
    let is_time = match data_type {
        SqlType::Interval { .. } => return interval_in_words(text, "second").map(Some),
        SqlType::Date => false,
        SqlType::Timestamp(..) | SqlType::TimestampNtz(..) => true,
        SqlType::Custom(name, _) => match catalog_name(name).as_deref() {
            Some("timestamptz") => true,
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    let today = || call("current_date", vec![]);
    let days_off = |days: u32, op: BinaryOperator| operation(&today(), op, &whole(days));
    let special = match text.trim().to_lowercase().as_str() {
        "now" => Some(call("now", vec![])),
        "today" => Some(today()),
        "tomorrow" => Some(days_off(1, BinaryOperator::Plus)),
        "yesterday" => Some(days_off(1, BinaryOperator::Minus)),
        "epoch" => Some(quoted_text(if is_time { "1970-01-01T00:00:00" } else { "1970-01-01" })),
        _ => None,
    };
    if let Some(special) = special {
        return Ok(Some(cast_to(special, data_type.clone())));
    }
    let rewritten = in_iso_form(text)?;
    Ok(rewritten.map(|text| cast_to(quoted_text(&text), data_type.clone())))
}

/// A date in another form than ISO 8601's, as PostgreSQL reads it with the date style ISO, MDY.
fn in_iso_form(text: &str) -> Result<Option<String>> {
    let trimmed = text.trim();
    let date = trimmed.get(..10).unwrap_or_default();
    let looks_iso = date.len() == 10
        && date.char_indices().all(|(at, letter)| match at {
            4 | 7 => letter == '-',
            _ => letter.is_ascii_digit(),
        });
    if looks_iso {
        if chrono::NaiveDate::parse_from_str(date, "%Y-%m-%d").is_err() {
            let message = format!("date/time field value out of range: \"{text}\"");
            return Err(Error::new(ErrorKind::DatetimeFieldOverflow, message));
        }
        return Ok(with_seconds(date, trimmed.get(11..).unwrap_or_default()));
    }
    const FORMS: [&str; 9] = [
        "%Y%m%d",
        "%Y-%b-%d",
        "%d %b %Y",
        "%d %B %Y",
        "%d-%b-%Y",
        "%B %d, %Y",
        "%b %d, %Y",
        "%B %d %Y",
        "%m/%d/%Y",
    ];
    let read = |form: &str| chrono::NaiveDate::parse_from_str(trimmed, form).ok();
    Ok(FORMS.into_iter().find_map(read).map(|date| date.to_string()))
}

/// A time that is written without seconds, with them.
fn with_seconds(date: &str, clock: &str) -> Option<String> {
    let (minutes, rest) = (clock.get(..5)?, clock.get(5..)?);
    let is_short = minutes.as_bytes()[2] == b':' && !rest.starts_with(':');
    is_short.then(|| format!("{date} {minutes}:00{rest}"))
}

fn unary(op: UnaryOperator, operand: &Expr) -> Option<Expr> {
    let function = match op {
        UnaryOperator::PGAbs => "abs",
        UnaryOperator::PGSquareRoot => "sqrt",
        UnaryOperator::PGCubeRoot => "cbrt",
        UnaryOperator::BitwiseNot => {
            let all_ones = Expr::Nested(Box::new(Expr::UnaryOp {
                op: UnaryOperator::Minus,
                expr: Box::new(whole(1)),
            }));
            return Some(operation(&all_ones, BinaryOperator::PGBitwiseXor, operand));
        }
        UnaryOperator::Minus if matches!(operand, Expr::Interval(_)) => {
            let factor = Expr::UnaryOp {
                op: UnaryOperator::Minus,
                expr: Box::new(whole(1)),
            };
            return Some(operation(operand, BinaryOperator::Multiply, &factor));
        }
        _ => return None,
    };
    Some(call(function, vec![operand.clone()]))
}

fn binary(left: &Expr, op: &BinaryOperator, right: &Expr) -> Option<Expr> {
    match op {
        BinaryOperator::PGOverlap => Some(call("array_has_any", vec![left.clone(), right.clone()])),
        BinaryOperator::PGStartsWith => Some(call("starts_with", vec![left.clone(), right.clone()])),
        BinaryOperator::Overlaps => overlaps(left, right),
        _ => None,
    }
}

/// `(start, end) OVERLAPS (start, end)`, where an end may be how long it lasts, and the earlier of two is the start.
fn overlaps(left: &Expr, right: &Expr) -> Option<Expr> {
    let period = |tuple: &Expr| match tuple {
        Expr::Tuple(pair) => match pair.as_slice() {
            [start, length @ Expr::Interval(_)] => {
                Some((start.clone(), operation(start, BinaryOperator::Plus, length)))
            }
            [start, end] => Some((
                call("least", vec![start.clone(), end.clone()]),
                call("greatest", vec![start.clone(), end.clone()]),
            )),
            _ => None,
        },
        _ => None,
    };
    let ((first_start, first_end), (second_start, second_end)) = (period(left)?, period(right)?);
    let both_reach = operation(
        &operation(&first_start, BinaryOperator::Lt, &second_end),
        BinaryOperator::And,
        &operation(&second_start, BinaryOperator::Lt, &first_end),
    );
    let same_start = operation(&first_start, BinaryOperator::Eq, &second_start);
    Some(operation(&same_start, BinaryOperator::Or, &both_reach))
}

/// A pattern with another escape than the backslash, written with the backslash.
fn escaped_like(pattern: &Expr, escape: &Value) -> Option<Expr> {
    let pattern = text_literal(pattern)?;
    let Value::SingleQuotedString(escape) = escape else {
        return None;
    };
    let escape = escape.chars().next();
    let mut out = String::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        if Some(letter) == escape {
            out.push('\\');
            out.extend(letters.next());
        } else if letter == '\\' {
            out.push_str("\\\\");
        } else {
            out.push(letter);
        }
    }
    Some(quoted_text(&out))
}

/// The pattern of SIMILAR TO as a regular expression over the whole text.
fn similar_as_regex(pattern: &str) -> String {
    let mut regex = String::from("^(?:");
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '%' => regex.push_str(".*"),
            '_' => regex.push('.'),
            '.' | '^' | '$' => regex.extend(['\\', letter]),
            '\\' => regex.extend(std::iter::once('\\').chain(letters.next())),
            other => regex.push(other),
        }
    }
    regex.push_str(")$");
    regex
}

/// Words that are functions without brackets.
fn clock_word(word: &str) -> Option<Expr> {
    let here = |time: Expr| {
        call(
            "timezone",
            vec![call("current_setting", vec![quoted_text("TimeZone")]), time],
        )
    };
    match word {
        "localtimestamp" => Some(here(call("now", vec![]))),
        "localtime" => Some(cast_to(
            here(call("now", vec![])),
            SqlType::Time(None, TimezoneInfo::None),
        )),
        _ => None,
    }
}

/// Functions under PostgreSQL's name, whose meaning the engine's has under another or with other arguments.
fn function_call(function: &Function) -> Option<Expr> {
    let name = catalog_name(&function.name)?;
    if let Some(engine) = renamed(&name) {
        let mut changed = function.clone();
        changed.name = ObjectName::from(vec![engine.into()]);
        return Some(Expr::Function(changed));
    }
    if !function.within_group.is_empty() {
        return ordered_set(&name, function);
    }
    if name == "make_interval" {
        return make_interval(&function.args);
    }
    let arguments = plain_arguments(&function.args)?;
    Some(match (name.as_str(), arguments.as_slice()) {
        // A type's name called like a function is a cast.
        ("bpchar" | "text" | "varchar", [value]) => cast_to(value.clone(), SqlType::Text),
        ("date", [value]) => cast_to(value.clone(), SqlType::Date),
        ("int2", [value]) => cast_to(value.clone(), SqlType::SmallInt(None)),
        ("int4", [value]) => cast_to(value.clone(), SqlType::Int(None)),
        ("int8", [value]) => cast_to(value.clone(), SqlType::BigInt(None)),
        ("float4", [value]) => cast_to(value.clone(), SqlType::Real),
        ("float8", [value]) => cast_to(value.clone(), SqlType::DoublePrecision),
        ("bool", [value]) => cast_to(value.clone(), SqlType::Boolean),
        ("mod", [left, right]) => operation(left, BinaryOperator::Modulo, right),
        ("div", [left, right]) => call("trunc", vec![operation(left, BinaryOperator::Divide, right)]),
        ("age", [earlier]) => call("age", vec![call("current_date", vec![]), earlier.clone()]),
        ("localtimestamp" | "localtime", []) => return clock_word(&name),
        ("timeofday", []) => call(
            "to_char",
            vec![call("now", vec![]), quoted_text("Dy Mon DD HH24:MI:SS.US YYYY TZ")],
        ),
        ("date_trunc", [unit, time]) => return date_trunc(unit, time),
        ("make_timestamptz", [parts @ .., zone]) if parts.len() == 6 => {
            call("timezone", vec![zone.clone(), call("make_timestamp", parts.to_vec())])
        }
        ("make_timestamptz", parts) if parts.len() == 6 => {
            let zone = call("current_setting", vec![quoted_text("TimeZone")]);
            call("timezone", vec![zone, call("make_timestamp", parts.to_vec())])
        }
        ("array_length", [array, dimension]) => {
            let length = cast_to(
                call("array_length", vec![array.clone(), dimension.clone()]),
                SqlType::Int(None),
            );
            call("nullif", vec![length, whole(0)])
        }
        ("trim_array", [array, count]) => {
            let all = cast_to(call("cardinality", vec![array.clone()]), SqlType::BigInt(None));
            let length = operation(&all, BinaryOperator::Minus, count);
            call("array_slice", vec![array.clone(), whole(1), length])
        }
        ("regexp_split_to_array", [text, pattern, flags @ ..]) => split_by_regex(text, pattern, flags),
        ("regexp_substr", [text, pattern]) => {
            let group = call("concat", vec![quoted_text("("), pattern.clone(), quoted_text(")")]);
            call(
                "array_element",
                vec![call("regexp_match", vec![text.clone(), group]), whole(1)],
            )
        }
        ("num_nulls", [_, ..]) => counted(&arguments, |one| Expr::IsNull(Box::new(one))),
        ("num_nonnulls", [_, ..]) => counted(&arguments, |one| Expr::IsNotNull(Box::new(one))),
        _ => return None,
    })
}

fn renamed(name: &str) -> Option<&'static str> {
    Some(match name {
        "ceiling" => "ceil",
        "every" => "bool_and",
        "variance" => "var_samp",
        "array_remove" => "array_remove_all",
        "array_replace" => "array_replace_all",
        "transaction_timestamp" | "statement_timestamp" | "clock_timestamp" => "now",
        _ => return None,
    })
}

/// `text` cut wherever the pattern matches: the matches become a letter that no text has, at which it is cut.
fn split_by_regex(text: &Expr, pattern: &Expr, flags: &[Expr]) -> Expr {
    let cut = quoted_text("\u{1}");
    let all = match flags.first() {
        Some(flags) => call("concat", vec![quoted_text("g"), flags.clone()]),
        None => quoted_text("g"),
    };
    let marked = call("regexp_replace", vec![text.clone(), pattern.clone(), cut.clone(), all]);
    call("string_to_array", vec![marked, cut])
}

fn counted(arguments: &[Expr], test: fn(Expr) -> Expr) -> Expr {
    let one = |argument: &Expr| cast_to(Expr::Nested(Box::new(test(argument.clone()))), SqlType::Int(None));
    let mut tests = arguments.iter().map(one);
    let first = tests.next().unwrap_or_else(|| whole(0));
    tests.fold(first, |sum, next| operation(&sum, BinaryOperator::Plus, &next))
}

/// The units that the engine does not cut at, and intervals.
fn date_trunc(unit: &Expr, time: &Expr) -> Option<Expr> {
    if let Expr::Interval(_) = time {
        return Some(call("date_trunc_interval", vec![unit.clone(), time.clone()]));
    }
    let written = text_literal(unit)?.to_lowercase();
    let singular = match written.as_str() {
        "centuries" => "century",
        "millennia" => "millennium",
        other => other.strip_suffix('s').unwrap_or(other),
    };
    match singular {
        "decade" | "century" | "millennium" => {
            Some(call("date_trunc_coarse", vec![quoted_text(singular), time.clone()]))
        }
        changed if changed != written => Some(call("date_trunc", vec![quoted_text(changed), time.clone()])),
        _ => None,
    }
}

/// `make_interval(days => 3)` with its arguments in their places.
fn make_interval(arguments: &FunctionArguments) -> Option<Expr> {
    const NAMES: [&str; 7] = ["years", "months", "weeks", "days", "hours", "mins", "secs"];
    let FunctionArguments::List(list) = arguments else {
        return None;
    };
    if list.args.len() == NAMES.len() && list.args.iter().all(|one| matches!(one, FunctionArg::Unnamed(_))) {
        return None;
    }
    let mut values = vec![whole(0); NAMES.len()];
    for (index, argument) in list.args.iter().enumerate() {
        let (place, value) = match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => (index, value),
            FunctionArg::Named {
                name,
                arg: FunctionArgExpr::Expr(value),
                ..
            } => (
                NAMES.iter().position(|one| name.value.eq_ignore_ascii_case(one))?,
                value,
            ),
            FunctionArg::ExprNamed {
                name: Expr::Identifier(name),
                arg: FunctionArgExpr::Expr(value),
                ..
            } => (
                NAMES.iter().position(|one| name.value.eq_ignore_ascii_case(one))?,
                value,
            ),
            _ => return None,
        };
        *values.get_mut(place)? = value.clone();
    }
    Some(call("make_interval", values))
}

/// The aggregates over ordered values that the engine lacks, over the array of those values.
fn ordered_set(name: &str, function: &Function) -> Option<Expr> {
    let arguments = plain_arguments(&function.args)?;
    let over_array = match (name, arguments.as_slice()) {
        ("mode", []) => "mode_of",
        ("percentile_disc", [_]) => "percentile_disc_of",
        ("percentile_cont", [Expr::Array(_)]) => "percentiles_cont_of",
        _ => return None,
    };
    let ordered = function.within_group.first()?;
    let Expr::Function(mut array) = call("array_agg", vec![ordered.expr.clone()]) else {
        return None;
    };
    if let FunctionArguments::List(list) = &mut array.args {
        list.duplicate_treatment = None::<DuplicateTreatment>;
        list.clauses = vec![datafusion::sql::sqlparser::ast::FunctionArgumentClause::OrderBy(vec![
            ordered.clone(),
        ])];
    }
    array.filter = function.filter.clone();
    array.over = function.over.clone();
    let mut values = vec![Expr::Function(array)];
    values.extend(arguments);
    Some(call(over_array, values))
}
