//! Rebuilding every view from the log, proving it, cutting over and going back: what an operator does with the
//! command line, and what readers see meanwhile. Shares no code with `src/`.

mod conflicts;
mod empty;
mod fake_metrics;
mod frozen;
mod generations;
mod guards;
mod hold;
mod join;
mod kill;
mod marker;
mod progress;
mod projection_version;
mod publisher;
mod readers;
mod recreated;
mod rollback;
mod settling;
mod tamper;
mod time_travel;
mod waits;
mod while_serving;
mod world;
