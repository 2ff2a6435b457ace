//! Generations: their state, how far one is, and how two differ.

pub mod catch_up;
pub mod difference;
pub mod generation;
pub mod verification;
