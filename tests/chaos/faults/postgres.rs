//! The database server.

use crate::chaos::trial::Trial;
use crate::support::OwnPostgres;

fn postgres(trial: &mut Trial) -> &mut OwnPostgres {
    trial.parts.postgres.as_mut().expect("the class has a Postgres of its own")
}

pub async fn restart(trial: &mut Trial) {
    postgres(trial).stop();
    trial.pause(0, 3_000).await;
    postgres(trial).start_again().await;
}

pub async fn kill(trial: &mut Trial) {
    postgres(trial).kill();
    trial.pause(0, 2_000).await;
    postgres(trial).start_again().await;
}

pub async fn read_only(trial: &mut Trial) {
    postgres(trial).read_only(true).await;
    trial.pause(1_000, 5_000).await;
    postgres(trial).read_only(false).await;
}

pub async fn fill_disk(trial: &mut Trial) {
    if !postgres(trial).has_disk() {
        trial.note("the disk can't be filled: mounting one needs root");
        return;
    }
    postgres(trial).fill_disk();
    trial.pause(2_000, 6_000).await;
    postgres(trial).free_disk().await;
}

pub async fn fail_over(trial: &mut Trial) {
    postgres(trial).stop();
    postgres(trial).snapshot();
    postgres(trial).start_again().await;
    trial.pause(1_000, 5_000).await;
    postgres(trial).kill();
    trial.pause(0, 1_000).await;
    postgres(trial).promote_snapshot();
    postgres(trial).start_again().await;
}
