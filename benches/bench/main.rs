//! Measures foldback on real servers, beside the ceiling of the same run. dev/bench starts it with a private stack:
//! `bench measure NAME…` measures, `bench compare A B` and `bench write FILE…` work on files of results.

mod api;
mod bench;
mod ceiling;
mod deployment;
mod freshness;
mod http;
mod live;
mod loads;
mod log;
mod meter;
mod parts;
mod proc;
mod producer;
mod rebuild;
mod report;
mod running;
mod scale;
mod servers;
mod settings;
mod steady;

use std::path::Path;

use mimalloc::MiMalloc;

use bench::Bench;
use report::results::Results;
use report::{compare, docs, tables};
use servers::Servers;
use settings::Settings;

/// As the binary that it is measured beside.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/benchmarks.md");
/// In the order in which they are measured: `live` first tells the rate that others take half of.
const MEASURES: [&str; 6] = ["parts", "rebuild", "live", "scale", "freshness", "api"];

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["measure", names @ ..] => measure(names).await,
        ["compare", a, b] => {
            println!("{}", compare::compare(&Results::read(Path::new(a))?, &Results::read(Path::new(b))?));
            Ok(())
        }
        ["write", files @ ..] => {
            let all: Vec<Results> = files.iter().map(|file| Results::read(Path::new(file))).collect::<Result<_>>()?;
            docs::write(Path::new(DOCUMENT), &all)
        }
        _ => {
            println!("dev/bench starts this: ./dev/bench --help");
            Ok(())
        }
    }
}

async fn measure(names: &[&str]) -> Result<()> {
    let mut bench = Bench::new(Servers::from_environment()?, Settings::from_environment()?).await?;
    for name in MEASURES.into_iter().filter(|name| names.contains(name)) {
        match name {
            "parts" => parts::measure(&mut bench).await?,
            "rebuild" => rebuild::measure(&mut bench).await?,
            "live" => live::measure(&mut bench).await?,
            "scale" => scale::measure(&mut bench).await?,
            "freshness" => freshness::measure(&mut bench).await?,
            _ => api::measure(&mut bench).await?,
        }
    }
    bench.save()?;
    println!("{}", tables::tables(&bench.results, 2));
    eprintln!("all samples: {}", bench.path().display());
    Ok(())
}
