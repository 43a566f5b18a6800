//! `hash-password`: asks for a password and prints what the configuration keeps of it.

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;

use super::unless_reader_left;
use crate::access::Verifier;
use crate::error::{Error, ErrorKind, Result};

/// Asks twice on a terminal, where nobody sees what is typed; reads one line from anything else.
pub fn run() -> Result<ExitCode> {
    let password = if io::stdin().is_terminal() {
        ask_twice()?
    } else {
        first_line()?
    };
    if password.is_empty() {
        return Err(Error::configuration("the password is empty").with_hint("type one, or send it as a line of input"));
    }
    let verifier = Verifier::make(&password)?;
    unless_reader_left(writeln!(io::stdout(), "{verifier}"))?;
    Ok(ExitCode::SUCCESS)
}

fn ask_twice() -> Result<String> {
    let ask = |prompt: &str| rpassword::prompt_password(prompt).map_err(unreadable);
    let password = ask("Password: ")?;
    if ask("Again: ")? != password {
        return Err(Error::configuration("the two passwords differ").with_hint("run the command again"));
    }
    Ok(password)
}

fn first_line() -> Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(unreadable)?;
    let password = line.strip_suffix('\n').unwrap_or(&line);
    Ok(password.strip_suffix('\r').unwrap_or(password).to_string())
}

fn unreadable(error: io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("the password cannot be read: {error}"))
}
