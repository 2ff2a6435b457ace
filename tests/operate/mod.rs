//! A running instance and its readers while generations change under them.

mod busy_fleet;
mod copy;
mod cut_over_before_publication;
mod dead_letters;
mod discard;
mod fence;
mod follow;
mod gaps;
mod http_token;
mod last_steps;
pub mod log;
mod log_epoch;
mod migrations;
mod old_snapshots;
mod projection;
mod readers_first;
mod reads;
mod redrive;
mod runs_refused;
mod secrets;
mod sessions;
mod slots;
mod told;
