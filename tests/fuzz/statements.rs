//! SQL that is nearly right: statements from a small grammar with any function over any arguments, and good statements
//! with a few words changed.

use arrow::array::AsArray;
use rand::Rng;
use rand::seq::IndexedRandom;

use super::Random;
use super::mutate::{self, EDGES};
use super::world::{World, texts};

/// Where statements come from.
pub struct Grammar {
    functions: Vec<String>,
    seeds: Vec<String>,
}

const COLUMNS: [&str; 9] = ["flag", "small", "big", "real", "label", "day", "at", "t.big", "*"];

const TYPES: [&str; 16] = [
    "int",
    "smallint",
    "bigint",
    "real",
    "double precision",
    "numeric",
    "numeric(38,10)",
    "text",
    "varchar(3)",
    "bool",
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "interval",
    "bytea",
];

const OPERATORS: [&str; 26] = [
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "=",
    "<>",
    "<",
    ">=",
    "AND",
    "OR",
    "||",
    "LIKE",
    "ILIKE",
    "SIMILAR TO",
    "~",
    "!~*",
    "&",
    "|",
    "#",
    "<<",
    ">>",
    "IS DISTINCT FROM",
    "@>",
    "->",
];

const LITERALS: [&str; 34] = [
    "NULL",
    "true",
    "0",
    "1",
    "-1",
    "0.0",
    "1e308",
    "1e-320",
    "'NaN'::float8",
    "'-infinity'::float8",
    "9223372036854775807",
    "-9223372036854775808",
    "99999999999999999999999999999999999999",
    "''",
    "'a'",
    "'58.0.1b3'",
    "'%'",
    "'('",
    "'ä🦊'",
    "'2018-06-04'",
    "'2018-06-04 12:34:56.789+02'",
    "date '0001-01-01'",
    "date '9999-12-31'",
    "timestamp '2018-06-04'",
    "timestamptz '2018-06-04'",
    "interval '1 month'",
    "interval '-178000000 years'",
    "'exact'",
    "'two-sided'",
    "E'\\\\xff'",
    "X'ff'",
    "ARRAY[1,2,NULL]",
    "$1",
    "'\\x00ff'::bytea",
];

/// Words that change what a statement is.
pub const VOCABULARY: [&str; 64] = [
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "ORDER BY",
    "LIMIT",
    "OFFSET",
    "HAVING",
    "WITH",
    "RECURSIVE",
    "UNION ALL",
    "EXCEPT",
    "JOIN",
    "LEFT JOIN LATERAL",
    "ON",
    "USING",
    "(",
    ")",
    ",",
    ";",
    "::",
    ".",
    "*",
    "'",
    "\"",
    "$$",
    "--",
    "/*",
    "[",
    "]",
    "NULL",
    "NOT",
    "IN",
    "EXISTS",
    "ANY",
    "ALL",
    "CASE",
    "WHEN",
    "END",
    "OVER",
    "PARTITION BY",
    "FILTER",
    "ROWS BETWEEN",
    "DISTINCT ON",
    "CAST",
    "EXTRACT",
    "AT TIME ZONE",
    "INTERVAL",
    "VALUES",
    "EXPLAIN",
    "COPY",
    "TO STDOUT",
    "INTO",
    "FOR UPDATE",
    "SET",
    "DECLARE c CURSOR FOR",
    "PREPARE p AS",
    "EXECUTE p",
    "FETCH ALL c",
    "types",
    "generate_series(1,3)",
    "$1",
    "\u{0}",
    "🦊",
];

const UTILITIES: [&str; 40] = [
    "BEGIN",
    "BEGIN READ WRITE",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT s",
    "ROLLBACK TO s",
    "RELEASE s",
    "RELEASE nothing",
    "DISCARD ALL",
    "DISCARD PLANS",
    "RESET ALL",
    "RESET TimeZone",
    "SHOW ALL",
    "SHOW TimeZone",
    "SHOW server_version",
    "SET TIME ZONE 'Asia/Tokyo'",
    "SET TIME ZONE 9",
    "SET TimeZone = 'nowhere'",
    "SET application_name = 'x'",
    "SET DateStyle = 'SQL, DMY'",
    "SET extra_float_digits = 3",
    "SET search_path = public",
    "DECLARE c CURSOR FOR SELECT * FROM types",
    "DECLARE h CURSOR WITH HOLD FOR SELECT generate_series(1,5)",
    "FETCH 2 FROM c",
    "FETCH ALL IN c",
    "FETCH 2000000000 FROM h",
    "FETCH BACKWARD 1 FROM c",
    "CLOSE c",
    "CLOSE ALL",
    "PREPARE p AS SELECT $1::int + 1",
    "PREPARE p (int, text) AS SELECT $1, $2",
    "EXECUTE p (1)",
    "EXECUTE p (1, 'x')",
    "DEALLOCATE p",
    "DEALLOCATE ALL",
    "COPY types TO STDOUT",
    "COPY (SELECT 1, 'x') TO STDOUT (FORMAT csv, HEADER)",
    "COPY types TO STDOUT WITH BINARY",
    "LISTEN x",
];

impl Grammar {
    pub fn new(world: &World) -> Self {
        let names = "SELECT DISTINCT routine_name FROM information_schema.routines ORDER BY 1";
        // Within the short time of a case this may fail on a busy machine.
        let rows = (0..20).find_map(|_| {
            world.runtime.block_on(async {
                let rows = world.engine.session("fuzz").query(names).await.ok()?;
                rows.collect().await.ok()
            })
        });
        let rows = rows.expect("the functions");
        let functions: Vec<String> = rows
            .iter()
            .flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten())
            .map(str::to_string)
            .collect();
        assert!(functions.len() > 100, "{} functions", functions.len());
        Self {
            functions,
            seeds: seeds(),
        }
    }

    /// A statement: generated, or a good one, which may have changed words.
    pub fn statement(&self, random: &mut Random) -> String {
        let statement = match random.random_range(0..10) {
            0..4 => self.query(random, 2),
            4..6 => self.one_function(random),
            6 => pick(random, &UTILITIES).to_string(),
            _ => self.seeds.choose(random).cloned().unwrap_or_default(),
        };
        if random.random_ratio(1, 4) {
            mutate::text(random, &statement, &VOCABULARY)
        } else {
            statement
        }
    }

    fn one_function(&self, random: &mut Random) -> String {
        let call = self.call(random, 1);
        match random.random_range(0..4) {
            0 => format!("SELECT {call} FROM types"),
            1 => format!("SELECT {call} OVER (PARTITION BY flag ORDER BY big) FROM types"),
            _ => format!("SELECT {call}"),
        }
    }

    fn query(&self, random: &mut Random, depth: usize) -> String {
        let mut text = String::new();
        if depth > 0 && random.random_ratio(1, 8) {
            text += &format!("WITH c AS ({}) ", self.query(random, depth - 1));
        }
        text += if random.random_ratio(1, 10) {
            "SELECT DISTINCT "
        } else {
            "SELECT "
        };
        text += &self.list(random, depth);
        if random.random_ratio(4, 5) {
            text += " FROM ";
            text += &self.relation(random, depth);
            if random.random_ratio(1, 4) {
                let join = pick(random, &["JOIN", "LEFT JOIN", "FULL JOIN", "CROSS JOIN", "INNER JOIN"]);
                text += &format!(" {join} types u ON {}", self.expression(random, depth));
            }
        }
        for (clause, chance) in [("WHERE", 3), ("GROUP BY", 6), ("HAVING", 10), ("ORDER BY", 4)] {
            if random.random_ratio(1, chance) {
                text += &format!(" {clause} {}", self.expression(random, depth));
            }
        }
        if depth > 0 && random.random_ratio(1, 10) {
            let set = pick(random, &["UNION", "UNION ALL", "EXCEPT", "INTERSECT"]);
            text += &format!(" {set} {}", self.query(random, depth - 1));
        } else if random.random_ratio(1, 5) {
            text += &format!(" LIMIT {}", EDGES.choose(random).unwrap_or(&1));
        }
        text
    }

    fn relation(&self, random: &mut Random, depth: usize) -> String {
        match random.random_range(0..8) {
            0 if depth > 0 => format!("({}) t", self.query(random, depth - 1)),
            1 => format!("generate_series(1, {}) t", random.random_range(0..50)),
            2 => format!("unnest(ARRAY[{}]) t", self.list(random, 0)),
            3 => format!("(VALUES ({}), ({})) t", self.list(random, 0), self.list(random, 0)),
            _ => "types t".to_string(),
        }
    }

    fn list(&self, random: &mut Random, depth: usize) -> String {
        let items: Vec<String> = (0..random.random_range(1..4))
            .map(|_| self.expression(random, depth))
            .collect();
        items.join(", ")
    }

    fn expression(&self, random: &mut Random, depth: usize) -> String {
        if depth == 0 {
            return match random.random_range(0..5) {
                0..2 => pick(random, &COLUMNS).to_string(),
                2 => EDGES.choose(random).unwrap_or(&0).to_string(),
                _ => pick(random, &LITERALS).to_string(),
            };
        }
        let below = depth - 1;
        let one = self.expression(random, below);
        match random.random_range(0..13) {
            0 => one,
            1..4 => format!(
                "({one}) {} {}",
                pick(random, &OPERATORS),
                self.expression(random, below)
            ),
            4 => format!("CAST({one} AS {})", pick(random, &TYPES)),
            5 => format!("({one})::{}", pick(random, &TYPES)),
            6 => format!(
                "CASE WHEN {one} THEN {} ELSE {} END",
                self.expression(random, below),
                self.expression(random, below)
            ),
            7 => format!("{one} IN ({})", self.list(random, below)),
            8 => format!(
                "{one} BETWEEN {} AND {}",
                self.expression(random, below),
                self.expression(random, below)
            ),
            9 if random.random_ratio(1, 3) => format!("({})", self.query(random, below)),
            10 => format!(
                "({one}) {}",
                pick(
                    random,
                    &[
                        "IS NULL",
                        "IS NOT TRUE",
                        "AT TIME ZONE 'UTC'",
                        "[1]",
                        ".field",
                        "COLLATE \"C\""
                    ]
                )
            ),
            11 => format!(
                "extract({} FROM {one})",
                pick(random, &["epoch", "year", "dow", "century", "nothing"])
            ),
            _ => self.call(random, below),
        }
    }

    fn call(&self, random: &mut Random, depth: usize) -> String {
        let Some(name) = self.functions.choose(random) else {
            return String::new();
        };
        let arguments: Vec<String> = (0..random.random_range(0..6))
            .map(|_| self.expression(random, depth))
            .collect();
        let distinct = if random.random_ratio(1, 20) { "DISTINCT " } else { "" };
        let filter = if random.random_ratio(1, 20) {
            " FILTER (WHERE flag)"
        } else {
            ""
        };
        let window = if random.random_ratio(1, 10) {
            " OVER (ORDER BY big ROWS 1 PRECEDING)"
        } else {
            ""
        };
        format!("{name}({distinct}{}){filter}{window}", arguments.join(", "))
    }
}

/// The statements of the SQL tests, of the gate's corpus, and those that once were findings.
fn seeds() -> Vec<String> {
    let mut seeds = Vec::new();
    for text in texts("tests/slt", "slt") {
        for block in text.split("\n\n") {
            let statement: Vec<&str> = block
                .lines()
                .skip_while(|line| !line.starts_with("query") && !line.starts_with("statement"))
                .skip(1)
                .take_while(|line| *line != "----")
                .collect();
            seeds.push(statement.join("\n"));
        }
    }
    for folder in ["tests/gate", "tests/fuzz/corpus"] {
        for text in texts(folder, "sql") {
            seeds.extend(text.lines().filter(|line| !line.starts_with("--")).map(str::to_string));
        }
    }
    seeds.retain(|seed| !seed.trim().is_empty());
    seeds
}

pub fn pick<'a>(random: &mut Random, choices: &[&'a str]) -> &'a str {
    choices.choose(random).copied().unwrap_or("")
}
