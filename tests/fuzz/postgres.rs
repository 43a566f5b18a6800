//! PostgreSQL front-end messages: a connection's whole byte stream, from the start-up packet on, through a pair of
//! buffers. Behind every stream that leaves the connection usable comes a question that must be answered.

use std::time::Duration;

use mission_control::wire::postgres::{Postgres, PostgresOptions};
use rand::Rng;
use rand::seq::IndexedRandom;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::mutate::{self, EDGES};
use super::statements::Grammar;
use super::world::World;
use super::{Random, Run, Verdict, shown};

/// What a server may send in protocol 3.
const ANSWERS: &[u8] = b"RSKZTDCEN12tns3IGHWcdvAV";
/// A missing body of at most this many bytes is sent, so that the message is complete.
const PADDING: usize = 1 << 20;
/// The longest that a connection may take to answer everything and end.
const ENDED_WITHIN: Duration = Duration::from_secs(15);

const NAMES: [&str; 5] = ["", "a", "b", "c", "p"];

#[test]
fn postgres_messages() {
    let world = World::new("postgres");
    let grammar = Grammar::new(&world);
    let options = PostgresOptions {
        startup_timeout: Duration::from_secs(5),
        max_message_bytes: 200_000,
        ..PostgresOptions::default()
    };
    let postgres = Postgres::new(
        world.engine.clone(),
        options,
        world.metrics.clone(),
        world.shutdown.clone(),
    );
    let others: Vec<Vec<u8>> = (0..50)
        .map(|number| {
            let mut random = rand::SeedableRng::seed_from_u64(number);
            stream(&mut random, &grammar)
        })
        .collect();
    let mut run = Run::begin("postgres", 800);
    while let Some(mut case) = run.next() {
        let mut bytes = stream(&mut case.random, &grammar);
        if case.random.random_ratio(2, 3) {
            mutate::bytes(&mut case.random, &mut bytes, &others);
        }
        let at_once = case.random.random_ratio(3, 4);
        let verdict = world.runtime.block_on(converse(&postgres, &bytes, at_once));
        run.judge(&case, verdict, || shown(&bytes));
    }
    run.end();
}

/// A start-up packet and some messages.
fn stream(random: &mut Random, grammar: &Grammar) -> Vec<u8> {
    let mut bytes = Vec::new();
    if random.random_ratio(1, 20) {
        let code: i32 = if random.random() { 80_877_103 } else { 80_877_104 };
        bytes.extend(8i32.to_be_bytes());
        bytes.extend(code.to_be_bytes());
    }
    startup(random, &mut bytes);
    for _ in 0..random.random_range(0..8) {
        message(random, grammar, &mut bytes);
    }
    bytes
}

fn startup(random: &mut Random, bytes: &mut Vec<u8>) {
    let mut parameters = vec![("user", "fuzz"), ("database", "mission_control")];
    if random.random_ratio(1, 10) {
        let more = [
            ("options", "-c TimeZone=Asia/Tokyo -c statement_timeout=5s"),
            ("options", "-c \\"),
            ("client_encoding", "SQL_ASCII"),
            ("_pq_.x", "1"),
            ("replication", "true"),
            ("DateStyle", "German"),
            ("application_name", "🦊"),
            ("user", ""),
        ];
        parameters.extend(more.choose(random));
    }
    let version: i32 = if random.random_ratio(1, 30) { 196_610 } else { 196_608 };
    let mut body = version.to_be_bytes().to_vec();
    for (name, value) in parameters {
        text(&mut body, name);
        text(&mut body, value);
    }
    body.push(0);
    bytes.extend((body.len() as i32 + 4).to_be_bytes());
    bytes.extend(body);
}

fn message(random: &mut Random, grammar: &Grammar, bytes: &mut Vec<u8>) {
    let mut body = Vec::new();
    let kind = *b"QQQPPBBDDEECHSSFdcfpX".choose(random).unwrap_or(&b'S');
    match kind {
        b'Q' => text(&mut body, &sql(random, grammar)),
        b'P' => {
            name(random, &mut body);
            text(&mut body, &sql(random, grammar));
            numbers(random, &mut body, |random, body| {
                let oids = [
                    0u32, 16, 17, 20, 21, 23, 25, 26, 114, 701, 705, 1082, 1184, 1700, 2950, 1231, 999_999,
                ];
                body.extend(oids.choose(random).unwrap_or(&0).to_be_bytes());
            });
        }
        b'B' => {
            name(random, &mut body);
            name(random, &mut body);
            formats(random, &mut body);
            numbers(random, &mut body, value);
            formats(random, &mut body);
        }
        b'D' | b'C' => {
            body.push(*b"SP".choose(random).unwrap_or(&b'S'));
            name(random, &mut body);
        }
        b'E' => {
            name(random, &mut body);
            let rows = *EDGES.choose(random).unwrap_or(&0) as i32;
            body.extend(rows.to_be_bytes());
        }
        b'F' | b'd' | b'p' => body.extend((0..random.random_range(0..20)).map(|_| random.random::<u8>())),
        _ => {}
    }
    // A statement or value that the client says is longer than it is, now and then.
    let length = if random.random_ratio(1, 60) {
        *EDGES.choose(random).unwrap_or(&0) as i32
    } else {
        body.len() as i32 + 4
    };
    bytes.push(kind);
    bytes.extend(length.to_be_bytes());
    bytes.extend(body);
}

fn sql(random: &mut Random, grammar: &Grammar) -> String {
    const CHEAP: [&str; 8] = [
        "SELECT 1",
        "SELECT $1::int + 1",
        "SELECT * FROM types",
        "SELECT $1, $2::timestamptz, $3::bytea, $4::float8[]",
        "",
        "SELECT generate_series(1, 300)",
        "SELECT 1; SELECT 2; SELECT nothing",
        "SELECT label FROM types WHERE big = $1 AND at > $2",
    ];
    if random.random_ratio(2, 3) {
        CHEAP.choose(random).unwrap_or(&"").to_string()
    } else {
        grammar.statement(random)
    }
}

fn text(body: &mut Vec<u8>, text: &str) {
    body.extend(text.bytes().filter(|byte| *byte != 0));
    body.push(0);
}

fn name(random: &mut Random, body: &mut Vec<u8>) {
    text(body, NAMES.choose(random).unwrap_or(&""));
}

fn numbers(random: &mut Random, body: &mut Vec<u8>, item: impl Fn(&mut Random, &mut Vec<u8>)) {
    let count = random.random_range(0..4u16);
    body.extend(count.to_be_bytes());
    for _ in 0..count {
        item(random, body);
    }
}

fn formats(random: &mut Random, body: &mut Vec<u8>) {
    numbers(random, body, |random, body| {
        let format: i16 = *[0, 1, 1, 2, -1].choose(random).unwrap_or(&0);
        body.extend(format.to_be_bytes());
    });
}

fn value(random: &mut Random, body: &mut Vec<u8>) {
    if random.random_ratio(1, 5) {
        return body.extend((-1i32).to_be_bytes());
    }
    let value: Vec<u8> = match random.random_range(0..4) {
        0 => (0..*[0usize, 1, 2, 4, 8, 12, 16, 30].choose(random).unwrap_or(&0))
            .map(|_| random.random())
            .collect(),
        1 => EDGES.choose(random).unwrap_or(&0).to_string().into_bytes(),
        2 => b"{1,NULL,\"x\"}".to_vec(),
        _ => b"2018-06-04 12:00:00+00".to_vec(),
    };
    body.extend((value.len() as i32).to_be_bytes());
    body.extend(value);
}

/// What the bytes of a stream mean for the connection, by the protocol's rules of framing alone.
#[derive(Debug, PartialEq)]
enum Fate {
    /// Every message is complete: the connection goes on.
    Open,
    /// The last message lacks this many bytes.
    Lacks(usize),
    /// Terminate, a password nobody asked for, a cancel request, or what is no message.
    Ends,
}

fn fate(bytes: &[u8]) -> Fate {
    let Some((length, code)) = startup_head(bytes) else {
        return Fate::Ends;
    };
    if !(8..=10_000).contains(&length) || length > bytes.len() {
        return Fate::Ends;
    }
    let (packet, mut rest) = bytes.split_at(length);
    // What stands behind an encryption request ends the connection, if it has come already; cancel requests do always.
    if code >> 16 != 3 || !is_plain_startup(&packet[8..]) {
        return Fate::Ends;
    }
    while let Some((kind, after)) = rest.split_first() {
        let Some(length) = after
            .get(..4)
            .map(|length| i32::from_be_bytes([length[0], length[1], length[2], length[3]]))
        else {
            return if b"QPBFdDECHSXcfp".contains(kind) {
                Fate::Lacks(4 - after.len())
            } else {
                Fate::Ends
            };
        };
        let small = b"DECHSXcfp".contains(kind);
        if !(small || b"QPBFd".contains(kind)) || length < 4 || (small && length > 10_004) {
            return Fate::Ends;
        }
        let length = usize::try_from(length).unwrap_or(0);
        if after.len() < length {
            return Fate::Lacks(length - after.len());
        }
        if matches!(kind, b'X' | b'p') {
            return Fate::Ends;
        }
        rest = &after[length..];
    }
    Fate::Open
}

fn startup_head(bytes: &[u8]) -> Option<(usize, i32)> {
    let head = bytes.get(..8)?;
    let number = |at: usize| i32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    Some((usize::try_from(number(0)).unwrap_or(0), number(4)))
}

/// Exactly the parameters of the generator's plainest start-up; any other may be refused.
fn is_plain_startup(parameters: &[u8]) -> bool {
    parameters == b"user\0fuzz\0database\0mission_control\0\0"
}

/// Sends the bytes and reads all answers.
async fn converse(postgres: &Postgres, bytes: &[u8], at_once: bool) -> Verdict {
    let (client, server) = tokio::io::duplex(64 * 1024);
    let (mut reader, mut writer) = tokio::io::split(client);
    let served = {
        let postgres = postgres.clone();
        tokio::spawn(async move { postgres.connection(server).await })
    };
    let mut sent = bytes.to_vec();
    if let Fate::Lacks(missing) = fate(&sent)
        && missing <= PADDING
    {
        sent.resize(sent.len() + missing, 0);
    }
    // A length of which only a part was there is complete now, and may ask for a body.
    let expected = fate(&sent);
    if expected == Fate::Open {
        message_of(&mut sent, b'S', b"");
        for sql in ["ROLLBACK", "DISCARD ALL", "SELECT 'still ' || 'alive'"] {
            message_of(&mut sent, b'Q', &[sql.as_bytes(), b"\0"].concat());
        }
    }
    // Whatever comes, the last of it is Terminate, so that a connection that goes on also ends.
    message_of(&mut sent, b'X', b"");
    let sending = async {
        let chunk = if at_once { sent.len() } else { 7 };
        for piece in sent.chunks(chunk.max(1)) {
            if writer.write_all(piece).await.is_err() {
                break;
            }
            if !at_once {
                tokio::task::yield_now().await;
            }
        }
        if expected != Fate::Open {
            // The server may wait for the rest of a message that never comes.
            tokio::time::sleep(Duration::from_millis(30)).await;
            let _ = writer.shutdown().await;
        }
    };
    let mut answers = Vec::new();
    let reading = async {
        let _ = reader.read_to_end(&mut answers).await;
    };
    let both = async { tokio::join!(sending, reading) };
    if tokio::time::timeout(ENDED_WITHIN, both).await.is_err() {
        return Err(format!(
            "the connection does not end ({expected:?}); so far: {}",
            shown(&answers)
        ));
    }
    drop((reader, writer));
    match tokio::time::timeout(ENDED_WITHIN, served).await {
        Err(_) => return Err("the connection's task does not end".to_string()),
        Ok(Err(_)) => return Err("the connection's task panicked".to_string()),
        Ok(Ok(())) => {}
    }
    judge(&answers, &expected)
}

fn message_of(bytes: &mut Vec<u8>, kind: u8, body: &[u8]) {
    bytes.push(kind);
    bytes.extend((body.len() as i32 + 4).to_be_bytes());
    bytes.extend(body);
}

/// Answers must be whole messages of the protocol, errors must have a code, and a connection that could go on did.
fn judge(answers: &[u8], expected: &Fate) -> Verdict {
    let mut rest = answers;
    // The answers to encryption requests are single bytes.
    while let Some((b'N', after)) = rest.split_first()
        && !after.starts_with(&[0, 0])
    {
        rest = after;
    }
    let mut alive = false;
    let mut last_error = String::new();
    let mut internal = None;
    while !rest.is_empty() {
        let Some(length) = rest
            .get(1..5)
            .map(|length| i32::from_be_bytes([length[0], length[1], length[2], length[3]]))
        else {
            return Err(format!("an answer is cut: {}", shown(rest)));
        };
        let length = usize::try_from(length).unwrap_or(0);
        if !ANSWERS.contains(&rest[0]) || length < 4 || rest.len() < 1 + length {
            return Err(format!("this is no answer: {}", shown(rest)));
        }
        let (answer, after) = rest.split_at(1 + length);
        rest = after;
        match answer[0] {
            b'E' => {
                last_error = sqlstate(&answer[5..])?;
                if last_error == "XX000" {
                    internal = Some(());
                }
                if expected == &Fate::Open && field(&answer[5..], b'S').as_deref() == Some("FATAL") {
                    return Err(format!("the connection ended: {}", shown(answer)));
                }
            }
            b'D' => alive = answer.ends_with(b"still alive"),
            _ => {}
        }
    }
    // The session's own settings may have made the time of the last statements too short.
    if expected == &Fate::Open && !alive && last_error != "57014" {
        return Err(format!(
            "the last question has no answer; the last error was {last_error}"
        ));
    }
    Ok(match internal {
        Some(()) => "XX000 internal error".to_string(),
        None if last_error.is_empty() => "answered".to_string(),
        None => last_error,
    })
}

fn field(body: &[u8], code: u8) -> Option<String> {
    let found = body
        .split(|byte| *byte == 0)
        .find(|field| field.first() == Some(&code))?;
    Some(String::from_utf8_lossy(&found[1..]).into_owned())
}

fn sqlstate(body: &[u8]) -> Result<String, String> {
    let code = field(body, b'C').unwrap_or_default();
    let is_code = code.len() == 5
        && code
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let has_words = field(body, b'M').is_some_and(|message| !message.trim().is_empty());
    if is_code && has_words {
        Ok(code)
    } else {
        Err(format!("an error without code or words: {}", shown(body)))
    }
}
