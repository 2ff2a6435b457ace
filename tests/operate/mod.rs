//! A running instance and its readers while generations change under them.

mod busy_fleet;
mod copy;
mod cut_over_before_publication;
mod discard;
mod fence;
mod follow;
mod log;
mod log_epoch;
mod migrations;
mod projection;
mod readers_first;
mod reads;
mod sessions;
mod told;
