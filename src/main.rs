//! The program: the command line of the library.

use std::process::ExitCode;

/// Gives memory back to the system soon after a query has ended, which the system's own allocator keeps: with many
/// threads several times of what is in use.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    mission_control::cli::main()
}
