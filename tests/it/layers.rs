//! The direction of dependencies, read from the sources: who may use whom, and who alone may know what.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Each module of `src` and the modules it may use; the same order as in `lib.rs`, from the data to the door.
const MAY_USE: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("metrics", &["error"]),
    ("shutdown", &[]),
    ("access", &["error"]),
    ("demo", &["error"]),
    ("delta", &["error"]),
    ("sources", &["error", "metrics", "delta"]),
    ("pings", &["error", "sources"]),
    ("managed", &["error", "metrics", "shutdown", "delta", "sources"]),
    ("tables", &["error", "metrics", "sources", "managed"]),
    ("alerts", &["error", "shutdown"]),
    ("catalog", &["error", "access"]),
    ("dialect", &["error", "access", "catalog"]),
    (
        "session",
        &[
            "error", "metrics", "access", "sources", "managed", "tables", "alerts", "catalog", "dialect",
        ],
    ),
    (
        "config",
        &["error", "access", "sources", "managed", "tables", "alerts", "session"],
    ),
    (
        "wire",
        &[
            "error", "metrics", "shutdown", "access", "sources", "managed", "session",
        ],
    ),
    (
        "server",
        &[
            "error", "metrics", "shutdown", "access", "config", "sources", "managed", "tables", "alerts", "session",
            "wire",
        ],
    ),
    (
        "cli",
        &[
            "error", "metrics", "shutdown", "access", "config", "demo", "delta", "sources", "pings", "managed",
            "tables", "session", "server", "wire",
        ],
    ),
    ("main", &["cli"]),
];

/// Words that may stand in one module only.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("use pgwire", &["wire"]),
    ("use tonic", &["wire"]),
    ("use arrow_flight", &["wire"]),
    ("use hyper", &["wire"]),
    ("use reqwest", &["alerts"]),
    ("SQLSTATE", &["wire", "error"]),
    ("SessionStateBuilder::new", &["session", "sources", "tables"]),
    ("SessionContext::new", &["session"]),
];

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of sources").flatten() {
        let path = entry.path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The sources by their first folder or file name below `src`, without what only tests see.
fn modules() -> BTreeMap<String, Vec<(PathBuf, String)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    let mut modules: BTreeMap<String, Vec<(PathBuf, String)>> = BTreeMap::new();
    for file in files {
        let below = file.strip_prefix(&root).expect("a file below src").to_path_buf();
        let module = below
            .iter()
            .next()
            .and_then(|name| name.to_str())
            .unwrap_or_default()
            .trim_end_matches(".rs");
        let is_test = below.iter().any(|part| {
            let name = part.to_string_lossy();
            let name = name.trim_end_matches(".rs");
            name.ends_with("tests") || name == "testing"
        });
        if module == "lib" || is_test {
            continue;
        }
        let text = std::fs::read_to_string(&file).expect("a source file");
        let shipped = text.split("#[cfg(test)]").next().unwrap_or_default().to_string();
        modules.entry(module.to_string()).or_default().push((below, shipped));
    }
    modules
}

#[test]
fn every_module_uses_only_what_lies_before_it() {
    let modules = modules();
    assert!(modules.len() >= 8, "the sources were not found: {:?}", modules.keys());
    let mut wrong = Vec::new();
    for (module, files) in &modules {
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| name == module) else {
            wrong.push(format!(
                "module {module} has no place in the order: add it to MAY_USE and ARCHITECTURE.md"
            ));
            continue;
        };
        for (file, text) in files {
            for used in text
                .split("crate::")
                .skip(1)
                .filter_map(|rest| rest.split([':', ';', ' ', ')', ',', '{']).next())
            {
                let is_module = MAY_USE.iter().any(|(name, _)| *name == used);
                if is_module && used != module && !allowed.contains(&used) {
                    wrong.push(format!("{} uses crate::{used}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_one_module_knows_stays_there() {
    let mut wrong = Vec::new();
    for (module, files) in modules() {
        for (word, allowed) in ONLY_IN {
            if allowed.contains(&module.as_str()) {
                continue;
            }
            let finds = files.iter().filter(|(_, text)| text.contains(word));
            wrong.extend(finds.map(|(file, _)| format!("{} says `{word}`", file.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
