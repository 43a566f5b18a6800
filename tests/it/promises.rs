//! Every test that `tests/PROMISES.md` names exists.

use std::path::Path;

fn sources(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let is_source = path
            .extension()
            .is_some_and(|ending| ending == "rs" || ending == "py" || ending == "slt");
        if path.is_dir() {
            sources(&path, text);
        } else if is_source {
            text.push_str(&std::fs::read_to_string(&path).expect("a source file"));
        }
    }
}

#[test]
fn every_promise_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let promises = std::fs::read_to_string(root.join("tests/PROMISES.md")).expect("the promises");
    let mut text = String::new();
    for folder in ["src", "tests", "udfs"] {
        sources(&root.join(folder), &mut text);
    }
    let mut missing = Vec::new();
    let rows = promises.lines().filter(|line| line.starts_with("| ")).skip(1);
    for row in rows {
        let held_by = row.rsplit('|').nth(1).unwrap_or_default();
        let names: Vec<&str> = held_by.split('`').skip(1).step_by(2).collect();
        if names.is_empty() {
            missing.push(row.to_string());
        }
        let absent = names
            .iter()
            .filter(|name| !text.contains(&format!("fn {name}(")) && !text.contains(&format!("def test_{name}(")));
        missing.extend(absent.map(|name| (*name).to_string()));
    }
    assert!(missing.is_empty(), "no such tests: {missing:?}");
}
