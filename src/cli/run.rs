//! `foldback run`

use futures::FutureExt;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::live::run::{self, Companion, RunError};
use crate::observe::{Readiness, logging};
use crate::store::StoreError;
use crate::store::connect::Access;
use crate::verify::schedule::Schedule;

use super::Failure;
use super::context::{Context, access, at_database, check_kafka, flag};
use super::signals::stop_on_signals;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Workers in this process [workers.count]
    #[arg(long, value_name = "N")]
    workers: Option<String>,
    /// Address for the API, metrics and status page, such as 127.0.0.1:8080 [http.listen]
    #[arg(long, value_name = "IP:PORT")]
    http_listen: Option<String>,
    /// Kafka bootstrap brokers, as host:port,host:port [kafka.brokers]
    #[arg(long, value_name = "HOST:PORT,…")]
    brokers: Option<String>,
    /// Consumer group [kafka.group]
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// How often to verify the live generation beside the fold, in milliseconds (0: never) [verify.every_ms]
    #[arg(long, value_name = "MS")]
    verify_every: Option<String>,
}

pub async fn run(args: Args, context: Context) -> Result<(), Failure> {
    let config = context.config(vec![
        flag("--workers", "workers.count", args.workers),
        flag("--http-listen", "http.listen", args.http_listen),
        flag("--brokers", "kafka.brokers", args.brokers),
        flag("--group", "kafka.group", args.group),
        flag("--verify-every", "verify.every_ms", args.verify_every),
    ])?;
    logging::init(&config.log);
    check_kafka(&config)?;
    let access = access(&config)?;
    let stop = CancellationToken::new();
    stop_on_signals(&stop)?;
    let companion = companion(&config, &access);
    run::run(&config, access, companion, stop).await.map_err(|error| match error {
        RunError::Store(error @ StoreError::OtherTopics { .. }) => Failure::Guard(format!("refused: {error}")),
        RunError::Store(error) => at_database(&config, error),
        error => Failure::failed(error.to_string()),
    })
}

/// Verifications, if the configuration wants them.
fn companion(config: &Config, access: &Access) -> Option<Companion> {
    config.verify.every?;
    let (config, access) = (config.clone(), access.clone());
    let start = move |readiness: &Readiness, stop: CancellationToken| {
        let schedule = Schedule::new(&config, &access, readiness);
        async move {
            match schedule {
                Some(schedule) => schedule.run(stop).await,
                None => stop.cancelled().await,
            }
        }
        .boxed()
    };
    Some(Companion { name: "the verifications", start: Box::new(start) })
}
