//! Everything that is tested through a running server, in one program, so that the engine is linked once.

mod flight_sql;
mod gate;
mod layers;
mod postgres;
mod program;
mod slt;
mod support;
mod views;
