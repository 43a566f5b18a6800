//! Everything that is tested through a running server, in one program, so that the engine is linked once.

mod flight_sql;
mod layers;
mod program;
