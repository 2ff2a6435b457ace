//! Processes of foldback itself.

use crate::chaos::trial::Trial;

pub async fn kill(trial: &mut Trial) {
    trial.fleet.take(&mut trial.rng).kill();
    resize(trial).await;
}

/// In the middle of a batch where Postgres is far away: what it has read is written before others take over.
pub async fn terminate(trial: &mut Trial) {
    let leaver = trial.fleet.take(&mut trial.rng);
    if trial.chance(0.5) {
        let delay = trial.between(20, 60);
        trial.parts.postgres_wire.slow(delay);
        trial.pause(400, 1_000).await;
    }
    leaver.terminate().await;
    trial.parts.postgres_wire.mend().await;
    resize(trial).await;
}

/// It wakes up as a member that the group has expelled, with batches that others have overtaken: Postgres hangs just
/// before, so that it falls asleep in the middle of one.
pub async fn stop(trial: &mut Trial) {
    let sleeper = trial.fleet.take(&mut trial.rng);
    trial.fleet.tend();
    if trial.chance(0.7) {
        trial.parts.postgres_wire.freeze();
        trial.pause(300, 1_000).await;
    }
    sleeper.signal("STOP");
    trial.parts.postgres_wire.mend().await;
    trial.pause(6_500, 12_000).await;
    sleeper.signal("CONT");
    trial.fleet.give_back(sleeper);
    trial.pause(500, 2_000).await;
    // As many as there are to be.
    while trial.fleet.members().len() > trial.fleet.size {
        trial.fleet.take(&mut trial.rng).kill();
    }
}

/// From one to three, after a moment.
async fn resize(trial: &mut Trial) {
    trial.pause(0, 1_500).await;
    trial.fleet.size = 1 + usize::try_from(trial.below(3)).unwrap();
    while trial.fleet.members().len() > trial.fleet.size {
        trial.fleet.take(&mut trial.rng).terminate().await;
    }
    trial.fleet.tend();
}
