//! Changes to good input: of bytes, as faults and attackers make them, and of words, which stay closer to good text.

use rand::Rng;
use rand::seq::IndexedRandom;

use super::Random;

/// Numbers at which sizes, signs and counts change their meaning.
pub const EDGES: [i64; 16] = [
    0,
    1,
    -1,
    2,
    3,
    127,
    128,
    255,
    256,
    32_767,
    65_535,
    2_147_483_647,
    -2_147_483_648,
    4_294_967_295,
    i64::MAX,
    i64::MIN,
];

/// Changes a few places. `others` are inputs to take pieces from.
pub fn bytes(random: &mut Random, input: &mut Vec<u8>, others: &[Vec<u8>]) {
    for _ in 0..random.random_range(1..=4) {
        one_change(random, input, others);
    }
}

fn one_change(random: &mut Random, input: &mut Vec<u8>, others: &[Vec<u8>]) {
    if input.is_empty() {
        input.push(random.random());
        return;
    }
    let at = random.random_range(0..input.len());
    let length = random.random_range(1..=(input.len() - at).min(40));
    match random.random_range(0..9) {
        0 => input[at] ^= 1 << random.random_range(0..8),
        1 => input[at] = random.random(),
        2 => overwrite(random, input, at),
        3 => drop(input.drain(at..at + length)),
        4 => {
            let piece = input[at..at + length].to_vec();
            input.splice(at..at, piece);
        }
        5 => {
            let piece: Vec<u8> = (0..length).map(|_| random.random()).collect();
            input.splice(at..at, piece);
        }
        6 => input.truncate(at),
        7 => input[at..at + length].fill(if random.random() { 0 } else { 0xff }),
        _ => {
            if let Some(other) = others.choose(random).filter(|other| !other.is_empty()) {
                let from = random.random_range(0..other.len());
                let piece = &other[from..(from + length).min(other.len())];
                input.splice(at..at, piece.iter().copied());
            }
        }
    }
}

/// Writes a number of 1, 2, 4 or 8 bytes over what is there, in either order.
pub fn overwrite(random: &mut Random, input: &mut [u8], at: usize) {
    let number = EDGES.choose(random).copied().unwrap_or(0);
    let width = 1 << random.random_range(0..4);
    let little = number.to_le_bytes();
    let big = number.to_be_bytes();
    let bytes = if random.random() {
        &little[..width]
    } else {
        &big[8 - width..]
    };
    for (place, byte) in input[at..].iter_mut().zip(bytes) {
        *place = *byte;
    }
}

/// A text as words, numbers, quoted texts and single signs; put together again they are the text.
pub fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut quoted = None;
    for letter in text.chars() {
        let joins = words.last().is_some_and(|last| {
            let before = last.chars().last().unwrap_or(' ');
            quoted.is_some()
                || (is_word(before) && is_word(letter))
                || (before.is_whitespace() && letter.is_whitespace())
        });
        match words.last_mut().filter(|_| joins) {
            Some(last) => last.push(letter),
            None => words.push(letter.to_string()),
        }
        quoted = match quoted {
            Some(quote) if quote == letter => None,
            None if letter == '\'' || letter == '"' => Some(letter),
            other => other,
        };
    }
    words
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '.'
}

/// Changes a few words of a text; new ones come from `vocabulary`.
pub fn text(random: &mut Random, text: &str, vocabulary: &[&str]) -> String {
    let mut words = words(text);
    for _ in 0..random.random_range(1..=4) {
        if words.is_empty() {
            break;
        }
        let at = random.random_range(0..words.len());
        let length = random.random_range(1..=(words.len() - at).min(8));
        match random.random_range(0..8) {
            0 => drop(words.drain(at..at + length)),
            1 => {
                let piece = words[at..at + length].to_vec();
                words.splice(at..at, piece);
            }
            2 => {
                let other = random.random_range(0..words.len());
                words.swap(at, other);
            }
            3 => words[at] = EDGES.choose(random).copied().unwrap_or(0).to_string(),
            4 => {
                let mut raw = words[at].clone().into_bytes();
                one_change(random, &mut raw, &[]);
                words[at] = String::from_utf8_lossy(&raw).into_owned();
            }
            5 => words[at] = words[at].repeat(random.random_range(2..30)),
            6 => {
                let new = vocabulary.choose(random).unwrap_or(&"");
                words.insert(at, format!(" {new} "));
            }
            _ => words[at] = vocabulary.choose(random).unwrap_or(&"").to_string(),
        }
    }
    words.concat()
}
