//! One, two and three instances that catch up together.

use std::time::Instant;

use crate::Result;
use crate::bench::Bench;
use crate::deployment::Deployment;
use crate::meter::Meter;
use crate::report::figure::Better;
use crate::running::Running;

const MEASURE: &str = "scale";

pub async fn measure(bench: &mut Bench) -> Result<()> {
    for run in 1..=bench.settings.runs {
        for load in bench.settings.loads.clone() {
            let log = bench.log(load, bench.settings.first_length()).await?;
            for instances in 1..=bench.settings.instances {
                eprintln!("scale: run {run} of {}, {} events, {instances} at once", bench.settings.runs, load.name());
                once(bench, log, instances).await?;
                bench.save()?;
            }
        }
    }
    Ok(())
}

async fn once(bench: &mut Bench, log: usize, instances: usize) -> Result<()> {
    let servers = bench.servers.clone();
    let records = bench.at(log).records(&servers)?;
    let case = format!("{instances} {}", if instances == 1 { "instance" } else { "instances" });
    let at = [MEASURE, bench.at(log).load.name(), &case];
    let deployment = Deployment::new(&servers, bench.at(log)).await?;
    let (meter, started) = (Meter::start(&servers)?, Instant::now());
    let running: Vec<Running> = (0..instances).map(|instance| deployment.run(instance)).collect::<Result<_>>()?;
    let caught_up = deployment.caught_up(records, started).await?;
    let own: f64 = running.iter().map(Running::cpu_seconds).sum::<Result<f64>>()?;
    let spent = meter.read(&servers, own)?;
    bench.add(at, "rate", "events/s", Better::More, caught_up.rate());
    bench.add(at, "start to caught up", "s", Better::Less, caught_up.all.as_secs_f64());
    spent.record(bench, at, records);
    let peak = running.iter().map(Running::peak_bytes).max().unwrap_or(0);
    bench.add(at, "peak memory of the largest", "MiB", Better::Less, peak as f64 / f64::from(1 << 20));
    tokio::task::spawn_blocking(move || running.into_iter().try_for_each(Running::stop)).await??;
    deployment.drop().await
}
