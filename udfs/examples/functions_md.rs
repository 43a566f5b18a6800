//! Writes FUNCTIONS.md from the documentation on the functions.

fn main() -> std::io::Result<()> {
    std::fs::write(
        concat!(env!("CARGO_MANIFEST_DIR"), "/FUNCTIONS.md"),
        mission_control_udfs::functions_page(),
    )
}
