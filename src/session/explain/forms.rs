//! A plan's steps in the four forms of PostgreSQL 15's EXPLAIN.

use std::fmt::Write;

use super::steps::{Said, Step};

/// What is said of the whole plan beneath its steps.
type Summary = [(&'static str, String)];

/// What the text form shows in other ways than as lines of their own.
const NOT_IN_TEXT: [&str; 10] = [
    "Node Type",
    "Parent Relationship",
    "Parallel Aware",
    "Async Capable",
    "Plan Rows",
    "Plan Width",
    "Actual Total Time",
    "Actual Rows",
    "Actual Loops",
    "Strategy",
];
/// What it shows only where it is asked for more.
const VERBOSE: [&str; 2] = ["Partial Mode", "Join Type"];

/// Lines for people, one for each step and for what is said of it.
pub fn text(step: &Step, verbose: bool, summary: &Summary) -> Vec<String> {
    let mut lines = Vec::new();
    text_of(step, 0, verbose, &mut lines);
    lines.extend(summary.iter().map(|(name, value)| format!("{name}: {value} ms")));
    lines
}

fn text_of(step: &Step, depth: usize, verbose: bool, lines: &mut Vec<String>) {
    let (arrow, inner) = match depth {
        0 => (String::new(), 2),
        _ => (format!("{}->  ", " ".repeat(6 * depth - 4)), 6 * depth + 2),
    };
    lines.push(format!("{arrow}{}{}", plain(step, "Node Type"), numbers(step)));
    for (name, said) in &step.properties {
        if !NOT_IN_TEXT.contains(name) && (verbose || !VERBOSE.contains(name)) {
            lines.push(format!("{}{name}: {}", " ".repeat(inner), words(said)));
        }
    }
    for input in &step.inputs {
        text_of(input, depth + 1, verbose, lines);
    }
}

fn words(said: &Said) -> String {
    match said {
        Said::Text(text) | Said::Plain(text) => text.clone(),
        Said::Texts(texts) => texts.join(", "),
    }
}

fn plain(step: &Step, name: &str) -> String {
    step.get(name).map(words).unwrap_or_default()
}

fn numbers(step: &Step) -> String {
    let named = |pairs: &[(&str, &str)]| {
        let found = pairs.iter().filter_map(|(short, name)| {
            let said = step.get(name)?;
            Some(format!("{short}={}", words(said)))
        });
        found.collect::<Vec<_>>().join(" ")
    };
    let expected = named(&[("rows", "Plan Rows"), ("width", "Plan Width")]);
    let actual = named(&[
        ("time", "Actual Total Time"),
        ("rows", "Actual Rows"),
        ("loops", "Actual Loops"),
    ]);
    let mut shown = String::new();
    if !expected.is_empty() {
        shown += &format!("  ({expected})");
    }
    if !actual.is_empty() {
        let gap = if shown.is_empty() { "  " } else { " " };
        shown += &format!("{gap}(actual {actual})");
    }
    shown
}

/// A JSON array of one object, as tools read it.
pub fn json(step: &Step, summary: &Summary) -> String {
    let mut out = String::from("[\n  {\n    \"Plan\": ");
    json_step(step, 4, &mut out);
    for (name, value) in summary {
        let triggers = if *name == "Execution Time" {
            "    \"Triggers\": [\n    ],\n"
        } else {
            ""
        };
        // Writing into a text cannot fail.
        let _ = write!(out, ",\n{triggers}    {}: {value}", quoted(name));
    }
    out.push_str("\n  }\n]");
    out
}

fn json_step(step: &Step, indent: usize, out: &mut String) {
    let margin = " ".repeat(indent + 2);
    out.push_str("{\n");
    for (index, (name, said)) in step.properties.iter().enumerate() {
        let comma = if index == 0 { "" } else { ",\n" };
        let value = match said {
            Said::Text(text) => quoted(text),
            Said::Plain(text) => text.clone(),
            Said::Texts(texts) => format!(
                "[{}]",
                texts.iter().map(|one| quoted(one)).collect::<Vec<_>>().join(", ")
            ),
        };
        let _ = write!(out, "{comma}{margin}{}: {value}", quoted(name));
    }
    if !step.inputs.is_empty() {
        let _ = write!(out, ",\n{margin}\"Plans\": [\n");
        for (index, input) in step.inputs.iter().enumerate() {
            let comma = if index == 0 { "" } else { ",\n" };
            let _ = write!(out, "{comma}{margin}  ");
            json_step(input, indent + 4, out);
        }
        let _ = write!(out, "\n{margin}]");
    }
    let _ = write!(out, "\n{}}}", " ".repeat(indent));
}

/// A text as JSON and YAML write it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A document of PostgreSQL's namespace.
pub fn xml(step: &Step, summary: &Summary) -> String {
    let mut out = String::from("<explain xmlns=\"http://www.postgresql.org/2009/explain\">\n  <Query>\n");
    xml_step(step, 4, &mut out);
    for (name, value) in summary {
        if *name == "Execution Time" {
            out.push_str("    <Triggers>\n    </Triggers>\n");
        }
        xml_value(name, value, 4, &mut out);
    }
    out.push_str("  </Query>\n</explain>");
    out
}

fn xml_step(step: &Step, indent: usize, out: &mut String) {
    let margin = " ".repeat(indent);
    let _ = writeln!(out, "{margin}<Plan>");
    for (name, said) in &step.properties {
        match said {
            Said::Text(text) | Said::Plain(text) => xml_value(name, text, indent + 2, out),
            Said::Texts(texts) => {
                let tag = name.replace(' ', "-");
                let _ = writeln!(out, "{margin}  <{tag}>");
                for text in texts {
                    xml_value("Item", text, indent + 4, out);
                }
                let _ = writeln!(out, "{margin}  </{tag}>");
            }
        }
    }
    if !step.inputs.is_empty() {
        let _ = writeln!(out, "{margin}  <Plans>");
        for input in &step.inputs {
            xml_step(input, indent + 4, out);
        }
        let _ = writeln!(out, "{margin}  </Plans>");
    }
    let _ = writeln!(out, "{margin}</Plan>");
}

fn xml_value(name: &str, text: &str, indent: usize, out: &mut String) {
    let tag = name.replace(' ', "-");
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    // XML knows no control characters but these.
    let known: String = escaped
        .chars()
        .filter(|letter| !letter.is_control() || matches!(letter, '\n' | '\t'))
        .collect();
    let _ = writeln!(out, "{}<{tag}>{known}</{tag}>", " ".repeat(indent));
}

/// A YAML list of one plan.
pub fn yaml(step: &Step, summary: &Summary) -> String {
    let mut out = String::from("- Plan: ");
    yaml_step(step, "    ", &mut out);
    for (name, value) in summary {
        if *name == "Execution Time" {
            out.push_str("\n  Triggers: ");
        }
        let _ = write!(out, "\n  {name}: {value}");
    }
    out
}

fn yaml_step(step: &Step, margin: &str, out: &mut String) {
    for (index, (name, said)) in step.properties.iter().enumerate() {
        let is_item = index == 0 && out.ends_with("- ");
        if !is_item {
            let _ = write!(out, "\n{margin}");
        }
        match said {
            Said::Text(text) => drop(write!(out, "{name}: {}", quoted(text))),
            Said::Plain(text) => drop(write!(out, "{name}: {text}")),
            Said::Texts(texts) => {
                let _ = write!(out, "{name}: ");
                for text in texts {
                    let _ = write!(out, "\n{margin}  - {}", quoted(text));
                }
            }
        }
    }
    if !step.inputs.is_empty() {
        let _ = write!(out, "\n{margin}Plans: ");
        for input in &step.inputs {
            let _ = write!(out, "\n{margin}  - ");
            yaml_step(input, &format!("{margin}    "), out);
        }
    }
}
