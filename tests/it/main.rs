//! Everything that is tested through a running server, in one program, so that the engine is linked once.

mod layers;
mod program;
