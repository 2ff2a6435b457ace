//! Faults, one after the other, for as long as records are published.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use tokio::time::sleep;

use super::class::Class;
use super::faults::{Fault, operator};
use super::trial::Trial;
use crate::hard_log::generator::PARTITIONS;
use crate::hard_log::meaning::{Draft, Meaning, Topic};

/// Even where all is published before.
const FAULTS_MIN: usize = 3;
const FIRST_AFTER: Duration = Duration::from_secs(3);

pub async fn rage(trial: &mut Trial) {
    let faults = trial.class.faults();
    // The instances have joined the group, so that there is something to disturb.
    sleep(FIRST_AFTER).await;
    while !trial.publisher.is_done() || trial.struck < FAULTS_MIN {
        let any = faults[trial.rng.random_range(0..faults.len())];
        let fault = if trial.class == Class::Rebuild && trial.struck == 0 { Fault::Rebuild } else { any };
        trial.note(&format!("{fault:?}"));
        fault.strike(trial).await;
        trial.struck += 1;
        trial.fleet.tend();
        operator::follow(trial).await;
        let pause = trial.class.pause_ms();
        trial.pause(pause.start, pause.end).await;
    }
}

/// Puts runs of malformed records of one partition among the others.
pub fn add_floods(drafts: &mut Vec<Draft>, length: usize, rng: &mut StdRng) {
    for _ in 0..rng.random_range(1..4) {
        let (at, partition) = (rng.random_range(0..drafts.len()), rng.random_range(0..PARTITIONS));
        let flood = (0..length).map(|number| malformed(partition, number));
        drafts.splice(at..at, flood);
    }
}

fn malformed(partition: i32, number: usize) -> Draft {
    Draft {
        topic: Topic::Orders,
        partition,
        key: Some(b"flood".to_vec()),
        value: Some(vec![7, number as u8]),
        headers: Vec::new(),
        timestamp_millis: 1_700_000_000_000,
        meaning: Meaning::Refused("malformed"),
    }
}
