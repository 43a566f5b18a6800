//! Numbers by a template: `to_char(1234.5, '9,999.99')`.

use datafusion::common::ScalarValue;

/// What a template asks for.
#[derive(Default)]
struct Template {
    /// The letters before the point: `9`, `0`, and what stands between digits.
    whole: Vec<char>,
    /// How many digits behind it, and from where on zeros that only fill may be left out.
    fraction: Vec<char>,
    has_point: bool,
    fills_not: bool,
    sign: Sign,
    before: String,
    after: String,
}

#[derive(Default, PartialEq)]
enum Sign {
    #[default]
    BeforeDigits,
    Plus,
    Trailing,
    Minus,
    TrailingMinus,
    Brackets,
}

pub fn formatted(number: &ScalarValue, template: &str) -> String {
    let template = read(template);
    let places = template.fraction.len();
    let (negative, digits) = digits_of(number, places);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    let wanted = template
        .whole
        .iter()
        .filter(|letter| matches!(letter, '9' | '0'))
        .count();
    let mut whole = whole.trim_start_matches('0').to_string();
    let is_too_long = whole.len() > wanted;
    if is_too_long {
        whole = "#".repeat(wanted);
    }
    // A zero before the point is only shown where nothing is behind it.
    if whole.is_empty() && places == 0 {
        whole.push('0');
    }
    let body = filled(&template, &format!("{whole:>wanted$}"));
    let mut fraction: String = if is_too_long {
        "#".repeat(places)
    } else {
        fraction.to_string()
    };
    if template.fills_not {
        let zeros_kept = template
            .fraction
            .iter()
            .rposition(|letter| *letter == '0')
            .map_or(0, |at| at + 1);
        while fraction.len() > zeros_kept && fraction.ends_with('0') {
            fraction.pop();
        }
    }
    let point = if template.has_point { "." } else { "" };
    signed(&template, negative, &body, &format!("{point}{fraction}"))
}

fn read(written: &str) -> Template {
    let mut template = Template::default();
    let mut rest = written;
    while let Some(first) = rest.chars().next() {
        let two = rest.get(..2).unwrap_or_default().to_uppercase();
        let has_digits = !template.whole.is_empty() || template.has_point;
        let mut taken = 2;
        match two.as_str() {
            "FM" => template.fills_not = true,
            "MI" => template.sign = if has_digits { Sign::TrailingMinus } else { Sign::Minus },
            "PL" | "SG" => template.sign = Sign::Plus,
            "PR" => template.sign = Sign::Brackets,
            "TH" => {}
            _ => {
                taken = first.len_utf8();
                match first {
                    '9' | '0' if template.has_point => template.fraction.push(first),
                    '9' | '0' => template.whole.push(first),
                    '.' | 'D' | 'd' => template.has_point = true,
                    ',' | 'G' | 'g' if !template.has_point => template.whole.push(','),
                    'S' | 's' => template.sign = if has_digits { Sign::Trailing } else { Sign::Plus },
                    '"' => {}
                    'L' | 'l' => {}
                    other if has_digits => template.after.push(other),
                    other => template.before.push(other),
                }
            }
        }
        rest = &rest[taken..];
    }
    template
}

/// The digits of a number rounded to so many places, without point and sign; at least one before the places.
fn digits_of(number: &ScalarValue, places: usize) -> (bool, String) {
    let shown = match number {
        ScalarValue::Float64(Some(number)) => format!("{number:.places$}"),
        ScalarValue::Decimal128(Some(value), _, scale) => return decimal_digits(*value, *scale, places),
        ScalarValue::Int64(Some(number)) => {
            format!("{number}{}{}", if places > 0 { "." } else { "" }, "0".repeat(places))
        }
        _ => String::from("0"),
    };
    let negative = shown.starts_with('-') && shown.chars().any(|letter| ('1'..='9').contains(&letter));
    let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
    (negative, format!("{digits:0>width$}", width = places + 1))
}

/// Halves away from zero, as PostgreSQL rounds a `numeric`.
fn decimal_digits(value: i128, scale: i8, places: usize) -> (bool, String) {
    let scale = usize::try_from(scale).unwrap_or_default();
    let mut magnitude = value.unsigned_abs();
    if scale > places {
        let divisor = 10u128.pow((scale - places) as u32);
        magnitude = (magnitude + divisor / 2) / divisor;
    }
    let zeros = "0".repeat(places.saturating_sub(scale));
    let digits = format!("{magnitude}{zeros}");
    (
        value < 0 && magnitude != 0,
        format!("{digits:0>width$}", width = places + 1),
    )
}

/// The digits in their places: a `9` without a digit is a blank, a `0` and all behind it are zeros.
fn filled(template: &Template, digits: &str) -> String {
    let mut digits = digits.chars();
    let mut begun = false;
    let mut out = String::new();
    for letter in &template.whole {
        if *letter == ',' {
            out.push(if begun { ',' } else { ' ' });
            continue;
        }
        let digit = digits.next().unwrap_or(' ');
        begun |= digit != ' ' || *letter == '0';
        out.push(match (digit, begun) {
            (' ', true) => '0',
            (digit, _) => digit,
        });
    }
    out
}

fn signed(template: &Template, negative: bool, whole: &str, fraction: &str) -> String {
    let digits = whole.trim_start();
    let blanks = if template.fills_not {
        ""
    } else {
        &whole[..whole.len() - digits.len()]
    };
    let sign = if negative { "-" } else { "+" };
    let minus = if negative { "-" } else { " " };
    let (before, after) = (&template.before, &template.after);
    let shown = match template.sign {
        Sign::BeforeDigits => format!("{blanks}{minus}{before}{digits}{fraction}{after}"),
        Sign::Plus => format!("{blanks}{sign}{before}{digits}{fraction}{after}"),
        Sign::Trailing => format!("{blanks}{before}{digits}{fraction}{sign}{after}"),
        Sign::Minus => format!("{minus}{blanks}{before}{digits}{fraction}{after}"),
        Sign::TrailingMinus => format!("{blanks} {before}{digits}{fraction}{minus}{after}"),
        Sign::Brackets if negative => format!("{blanks}<{before}{digits}{fraction}>{after}"),
        Sign::Brackets => format!("{blanks} {before}{digits}{fraction} {after}"),
    };
    if template.fills_not {
        shown.trim().to_string()
    } else {
        shown
    }
}
