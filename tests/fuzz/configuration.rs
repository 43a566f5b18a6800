//! Configuration text and environment: read, checked and turned into the settings of a server that is not started.

use mission_control::config;
use mission_control::error::{Error, ErrorKind};
use mission_control::server::ServerSettings;
use rand::Rng;
use rand::seq::IndexedRandom;

use super::world::texts;
use super::{Random, Run, Verdict, mutate, shown};

const VOCABULARY: [&str; 44] = [
    "[source]",
    "[columns]",
    "[[targets]]",
    "[[users]]",
    "[tls]",
    "[limits]",
    "[postgres]",
    "[measures.x]",
    "[[",
    "]]",
    "=",
    "\"",
    "'''",
    "\"\"\"",
    "{",
    "}",
    ",",
    "#",
    "\n",
    "location",
    "listen",
    "unit",
    "column",
    "value",
    "true",
    "false",
    "inf",
    "nan",
    "-0.0",
    "1e999",
    "0x7fffffffffffffff",
    "1979-05-27T07:32:00Z",
    "\"127.0.0.1:99999\"",
    "\"off\"",
    "\"[::1]:0\"",
    "\"/dev/null\"",
    "\"\\u0000\"",
    "\"\\uD800\"",
    "milliseconds",
    "release_at",
    "key = true",
    "\u{feff}",
    "a.b.c.d",
    "\t",
];

const VARIABLES: [&str; 8] = [
    "MISSION_CONTROL_SOURCE__LOCATION",
    "MISSION_CONTROL_LIMITS__MEMORY_BYTES",
    "MISSION_CONTROL_POSTGRES__LISTEN",
    "MISSION_CONTROL_MEASURES__X__KEY",
    "MISSION_CONTROL_TARGETS",
    "MISSION_CONTROL_",
    "MISSION_CONTROL___",
    "MISSION_CONTROL_COLUMNS__MEASURES",
];

#[test]
fn configuration_text() {
    let seeds = [texts("tests/configurations", "toml"), texts("examples", "toml")].concat();
    let raw: Vec<Vec<u8>> = seeds.iter().map(|seed| seed.clone().into_bytes()).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("configuration.toml");
    let mut run = Run::begin("configuration", 1500);
    while let Some(mut case) = run.next() {
        let random = &mut case.random;
        let seed = seeds.choose(random).expect("a seed");
        let mut text = if random.random() {
            mutate::text(random, seed, &VOCABULARY).into_bytes()
        } else {
            let mut text = seed.clone().into_bytes();
            mutate::bytes(random, &mut text, &raw);
            text
        };
        if random.random_ratio(1, 500) {
            text = "[".repeat(random.random_range(1..200_000)).into_bytes();
            text.splice(0..0, b"x = ".iter().copied());
        }
        let environment = environment(random);
        std::fs::write(&file, &text).expect("a file");
        // The reader works on this thread, so a panic of it is caught here; nothing else would answer for it.
        let read = std::panic::catch_unwind(|| read(&file, &environment));
        let verdict = read.unwrap_or_else(|_| Err("the reader panicked".to_string()));
        run.judge(&case, verdict, || format!("{} {environment:?}", shown(&text)));
    }
    run.end();
}

fn environment(random: &mut Random) -> Vec<(String, String)> {
    if random.random_ratio(3, 4) {
        return vec![];
    }
    let name = VARIABLES.choose(random).copied().unwrap_or_default().to_string();
    let value = VOCABULARY.choose(random).copied().unwrap_or_default().to_string();
    vec![(name, value)]
}

fn read(file: &std::path::Path, environment: &[(String, String)]) -> Verdict {
    let config = match config::load(Some(file), environment.iter().cloned()) {
        Ok(config) => config,
        Err(error) => return refusal("refused", &error),
    };
    match ServerSettings::from_config(&config) {
        Ok(_) => Ok("settings".to_string()),
        Err(error) => refusal("no settings", &error),
    }
}

fn refusal(step: &str, error: &Error) -> Verdict {
    if error.kind != ErrorKind::Configuration || error.message.trim().is_empty() {
        return Err(format!("{step} as {:?}: {error}", error.kind));
    }
    if error.message.contains('\n') {
        return Err(format!("the message has several lines: {error}"));
    }
    Ok(step.to_string())
}
