//! The schema registry, where it says what is not so.

use crate::chaos::registry::{LIES, Lie};
use crate::chaos::trial::Trial;

/// To instances that have not asked before: what one knows it does not ask again.
pub async fn lie(trial: &mut Trial) {
    let lie = LIES[usize::try_from(trial.below(LIES.len() as u64)).unwrap()];
    trial.note(&format!("{lie:?}"));
    trial.parts.registry.say(lie);
    trial.fleet.take(&mut trial.rng).kill();
    trial.fleet.tend();
    trial.pause(1_000, 5_000).await;
    trial.parts.registry.say(Lie::None);
    // A schema never changes, so an instance keeps a wrong one: its operator starts all of them anew.
    if lie == Lie::OtherSchema {
        trial.fleet.kill_all();
        trial.fleet.tend();
    }
}
