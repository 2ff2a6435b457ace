//! Many seeds of each class, and a table of what they did: run by `./dev/chaos`.

use std::env;
use std::io::Write;
use std::time::Duration;

use futures::StreamExt;

use super::class::{ALL, Class};
use super::report::Outcome;
use super::trial::Trial;

const SEEDS: u64 = 20;
const RECORDS: usize = 20_000;

/// FOLDBACK_CHAOS_CLASS (all), _FIRST_SEED (1), _SEEDS (20), _EVENTS (20,000) and _JOBS (1) say what is run; with _STORIES
/// each trial tells what was done to it.
// More threads than processors: the proxies of one trial must not wait for another's comparison.
#[tokio::test(flavor = "multi_thread", worker_threads = 16)]
#[ignore = "./dev/chaos runs it"]
async fn every_class_survives() {
    let (first, seeds) = (number("FIRST_SEED", 1), number("SEEDS", SEEDS));
    let records = usize::try_from(number("EVENTS", RECORDS as u64)).unwrap();
    // Seed by seed, so that each class has been tried before the first has been tried to its end.
    let trials = (first..first + seeds).flat_map(|seed| chosen().into_iter().map(move |class| (class, seed)));
    let outcomes: Vec<Outcome> = futures::stream::iter(trials)
        .map(|(class, seed)| async move { told(Trial::run(class, seed, records).await) })
        .buffer_unordered(usize::try_from(number("JOBS", 1)).unwrap())
        .collect()
        .await;
    say(&table(&outcomes));
    let wrong = outcomes.iter().filter(|outcome| !outcome.is_right()).count();
    assert_eq!(wrong, 0, "{wrong} of {} trials are wrong", outcomes.len());
}

fn told(outcome: Outcome) -> Outcome {
    let is_whole = !outcome.is_right() || env::var_os("FOLDBACK_CHAOS_STORIES").is_some();
    say(&if is_whole { outcome.report() } else { outcome.line() });
    outcome
}

fn number(name: &str, default: u64) -> u64 {
    let name = format!("FOLDBACK_CHAOS_{name}");
    env::var(&name).map_or(default, |text| text.parse().unwrap_or_else(|error| panic!("{name}: {error}")))
}

fn chosen() -> Vec<Class> {
    let Ok(names) = env::var("FOLDBACK_CHAOS_CLASS") else { return ALL.to_vec() };
    let names: Vec<&str> = names.split(',').collect();
    let known = |name: &&str| ALL.into_iter().find(|class| class.name() == **name);
    names.iter().map(|name| known(name).unwrap_or_else(|| panic!("there is no class {name:?}"))).collect()
}

/// At once, whatever the test harness does with output.
fn say(text: &str) {
    let mut stderr = std::io::stderr();
    let _ = writeln!(stderr, "{text}");
}

fn table(outcomes: &[Outcome]) -> String {
    let mut table = "| class | seeds | records | faults | lost | doubled | differing rows | worst silence | to lag 0: median | worst |\n\
                     |---|---|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for class in chosen() {
        let of: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.class == class.name()).collect();
        let sum = |count: fn(&Outcome) -> usize| of.iter().map(|outcome| count(outcome)).sum::<usize>();
        let mut heals: Vec<Duration> = of.iter().map(|outcome| outcome.heal).collect();
        heals.sort();
        let seconds = |duration: Option<&Duration>| duration.map_or(0.0, Duration::as_secs_f64);
        let silence = of.iter().map(|outcome| outcome.silence.lasted).max();
        table.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} | {} | {:.0} s | {:.1} s | {:.1} s |\n",
            class.name(),
            of.len(),
            sum(|outcome| outcome.published),
            sum(|outcome| outcome.faults),
            sum(|outcome| outcome.lost),
            sum(|outcome| outcome.doubled),
            sum(|outcome| outcome.differing),
            seconds(silence.as_ref()),
            seconds(heals.get(heals.len() / 2)),
            seconds(heals.last()),
        ));
    }
    table
}
