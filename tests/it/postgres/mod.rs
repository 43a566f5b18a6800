//! The PostgreSQL protocol, spoken byte by byte: what drivers never send and attackers do.

mod access;
mod cancelling;
pub mod client;
mod copy;
mod extended;
mod hostile;
mod limits;
mod simple;
mod startup;
