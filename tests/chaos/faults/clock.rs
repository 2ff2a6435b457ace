//! The wall clock of the machine that instances run on.

use crate::chaos::trial::Trial;

const JUMPS_SECONDS: [i64; 10] = [-86_400, -3_600, -61, -5, -1, 1, 5, 61, 3_600, 2_592_000];

pub async fn jump(trial: &mut Trial) {
    let seconds = JUMPS_SECONDS[usize::try_from(trial.below(JUMPS_SECONDS.len() as u64)).unwrap()];
    trial.note(&format!("{seconds:+} s"));
    match &trial.clock {
        Some(clock) => clock.set(seconds),
        None => trial.note("the clock can't be set: libfaketime is not installed"),
    }
    trial.pause(1_000, 4_000).await;
}
