//! `foldback run` with defaults: catching up from an empty generation, and idle.

use std::time::{Duration, Instant};

use crate::Result;
use crate::bench::Bench;
use crate::ceiling::Key;
use crate::deployment::Deployment;
use crate::loads::LoadKind;
use crate::meter::Meter;
use crate::rebuild::ceilings;
use crate::report::figure::Better;
use crate::report::numbers::whole;
use crate::report::statistics::median;

const MEASURE: &str = "live";
/// Until what a start leaves to do is done.
const SETTLE: Duration = Duration::from_secs(5);
const MIB: f64 = (1 << 20) as f64;

pub async fn measure(bench: &mut Bench) -> Result<()> {
    for start in 1..=bench.settings.starts {
        for load in bench.settings.loads.clone() {
            let log = bench.log(load, bench.settings.first_length()).await?;
            eprintln!("live: start {start} of {}, {} events", bench.settings.starts, load.name());
            let case = format!("{} events", whole(bench.at(log).events));
            let at = [MEASURE, load.name(), &case];
            // The loops don't depend on who is assigned what: as often as everything else is enough.
            if start <= bench.settings.runs {
                ceilings(bench, log, at, Key::InPlace).await?;
            }
            once(bench, log, at).await?;
            bench.save()?;
        }
    }
    shares(bench)
}

/// What others keep up while they measure, and its name: half of what live takes, unless a rate is given.
pub async fn load_rate(bench: &mut Bench, load: LoadKind) -> Result<(String, f64)> {
    match bench.settings.rate {
        Some(rate) => Ok((format!("{rate} events/s"), rate)),
        None => Ok(("half of the live rate".to_owned(), rate(bench, load).await? / 2.0)),
    }
}

/// The median of what is known of the load, measured once if nothing is.
async fn rate(bench: &mut Bench, load: LoadKind) -> Result<f64> {
    let known: Vec<f64> = bench.live_rates.iter().filter(|(of, _)| *of == load).map(|(_, rate)| *rate).collect();
    if !known.is_empty() {
        return Ok(median(&known));
    }
    let log = bench.log(load, bench.settings.first_length()).await?;
    let case = format!("{} events", whole(bench.at(log).events));
    once(bench, log, [MEASURE, load.name(), &case]).await?;
    Ok(bench.live_rates.last().map_or(0.0, |(_, rate)| *rate))
}

async fn once(bench: &mut Bench, log: usize, at: [&str; 3]) -> Result<()> {
    let servers = bench.servers.clone();
    let (load, records) = (bench.at(log).load, bench.at(log).records(&servers)?);
    let deployment = Deployment::new(&servers, bench.at(log)).await?;
    let (meter, started) = (Meter::start(&servers)?, Instant::now());
    let running = deployment.run(0)?;
    let caught_up = deployment.caught_up(records, started).await?;
    let spent = meter.read(&servers, running.cpu_seconds()?)?;
    bench.live_rates.push((load, caught_up.rate()));
    // Each start is a sample: a lopsided assignment shows in some of them alone.
    bench.add(at, "rate", "events/s", Better::More, caught_up.rate());
    let name = format!("rate of start {}", bench.live_rates.iter().filter(|(of, _)| *of == load).count());
    bench.add(at, &name, "events/s", Better::More, caught_up.rate());
    bench.add(at, "start to first commit", "s", Better::Less, caught_up.first.as_secs_f64());
    bench.add(at, "start to caught up", "s", Better::Less, caught_up.all.as_secs_f64());
    spent.record(bench, at, records);
    bench.add(at, "peak memory", "MiB", Better::Less, running.peak_bytes() as f64 / MIB);
    tokio::task::spawn_blocking(move || running.stop()).await??;
    idle(bench, &deployment, at).await?;
    deployment.drop().await
}

/// Started with nothing to fold.
async fn idle(bench: &mut Bench, deployment: &Deployment, at: [&str; 3]) -> Result<()> {
    let servers = bench.servers.clone();
    let running = deployment.run(0)?;
    tokio::time::sleep(SETTLE).await;
    let (meter, own_before, started) = (Meter::start(&servers)?, running.cpu_seconds()?, Instant::now());
    tokio::time::sleep(Duration::from_secs_f64(bench.settings.seconds)).await;
    let seconds = started.elapsed().as_secs_f64();
    let spent = meter.read(&servers, running.cpu_seconds()? - own_before)?;
    bench.add(at, "idle, CPU of foldback", "% of a core", Better::Less, spent.foldback / seconds * 100.0);
    bench.add(at, "idle, CPU of Postgres", "% of a core", Better::Less, spent.postgres / seconds * 100.0);
    bench.add(at, "idle, memory", "MiB", Better::Less, running.resident_bytes() as f64 / MIB);
    tokio::task::spawn_blocking(move || running.stop()).await?
}

/// Each start's rate by the median of the loops: there are more starts than loops.
fn shares(bench: &mut Bench) -> Result<()> {
    let figures = bench.results.figures.clone();
    for ceiling in figures.iter().filter(|figure| figure.id.measure == MEASURE) {
        let Some(row) = ceiling.id.name.strip_prefix("ceiling, ") else { continue };
        let is_rate = |other: &&crate::report::figure::Figure| {
            (&other.id.measure, &other.id.load, &other.id.case)
                == (&ceiling.id.measure, &ceiling.id.load, &ceiling.id.case)
                && other.id.name == "rate"
        };
        let Some(rate) = figures.iter().find(is_rate) else { continue };
        let at = [MEASURE, ceiling.id.load.as_str(), ceiling.id.case.as_str()];
        for sample in &rate.samples {
            bench.add(at, &format!("of the ceiling, {row}"), "", Better::More, sample / ceiling.median());
        }
    }
    bench.save()
}
