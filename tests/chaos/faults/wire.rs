//! The network between foldback and a server.

use std::time::Duration;

use crate::chaos::trial::Trial;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    Kafka,
    Postgres,
    Redis,
    Registry,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    Cut,
    Slow,
    Freeze,
    HalfOpen,
    /// What was sent arrives after what is sent later.
    Stall,
    /// Commits among them: Postgres has committed, and foldback never hears of it.
    LoseAnswers,
}

pub async fn strike(trial: &mut Trial, server: Server, how: How) {
    let delay = Duration::from_millis(trial.below(200));
    // Some last beyond every time-out.
    let (min_ms, max_ms) = if trial.chance(0.3) { (8_000, 14_000) } else { (300, 4_000) };
    let wire = trial.parts.wire(server);
    match how {
        How::Cut => wire.cut().await,
        How::Slow => wire.slow(delay),
        How::Freeze => wire.freeze(),
        How::HalfOpen => wire.half_open(),
        How::Stall => wire.stall(),
        How::LoseAnswers => wire.lose_answers(),
    }
    trial.pause(min_ms, max_ms).await;
    trial.parts.wire(server).mend().await;
}
