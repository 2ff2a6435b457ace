//! A running instance and its readers while generations change under them.

mod copy;
mod discard;
mod fence;
mod follow;
mod log;
mod nodelay;
mod projection;
mod told;
