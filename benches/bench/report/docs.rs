//! docs/benchmarks.md: what is between its two marks is written from results; all else is left as it is.

use std::error::Error;
use std::fs;
use std::path::Path;

use super::numbers::{amount, whole};
use super::pictures;
use super::results::{Load, Results};
use super::tables::tables;

const BEGIN: &str = "<!-- measured: written by ./dev/bench --write -->";
const END: &str = "<!-- end of what was measured -->";
/// Beside the document.
const FOLDER: &str = "benchmarks";

/// Writes document and pictures. The first results are drawn; of all there are tables.
pub fn write(document: &Path, all: &[Results]) -> Result<(), Box<dyn Error + Send + Sync>> {
    let text = fs::read_to_string(document).map_err(|error| format!("{}: {error}", document.display()))?;
    let folder = document.with_file_name(FOLDER);
    fs::create_dir_all(&folder)?;
    let drawn = all.first().map(pictures::draw).unwrap_or_default();
    for picture in &drawn {
        fs::write(folder.join(picture.file), &picture.svg)?;
    }
    let written = replace(&text, &measured(all, &drawn))
        .ok_or_else(|| format!("{} lacks the lines \"{BEGIN}\" and \"{END}\"", document.display()))?;
    fs::write(document, written)?;
    Ok(())
}

/// None where a mark is missing.
fn replace(text: &str, measured: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{measured}\n{END}{after}"))
}

fn measured(all: &[Results], drawn: &[pictures::Drawn]) -> String {
    let mut text = String::new();
    for picture in drawn {
        let (about, file) = (picture.about, picture.file);
        text += &format!("![{about}]({FOLDER}/{file})\n\n{about}\n\n");
    }
    for results in all {
        text += &section(results);
    }
    text.trim_end().to_owned() + "\n"
}

fn section(results: &Results) -> String {
    let mut text = format!("## With {} settings of Postgres\n\n", settings(results));
    text += &format!("{}\n\n", origin(results));
    for load in &results.loads {
        text += &format!("- {}\n", describe(load));
    }
    text + "\n" + &tables(results, 3)
}

fn settings(results: &Results) -> &str {
    if results.settings == "default" { "Debian's default" } else { &results.settings }
}

fn origin(results: &Results) -> String {
    let machine = &results.machine;
    let dirty = if results.dirty { " with changes" } else { "" };
    let gib = amount(machine.memory_bytes as f64 / f64::from(1 << 30));
    format!(
        "Commit {}{dirty}, {}, profile {}; {} cores ({}), {gib} GiB, Linux {}; PostgreSQL {}, Kafka {}, Redis {}; \
         everything on this one machine. Medians of {} runs, with the least and the greatest sample.",
        results.commit,
        results.measured_at,
        results.profile,
        machine.cores,
        machine.cpu,
        machine.kernel,
        machine.postgres,
        machine.kafka,
        machine.redis,
        results.runs
    )
}

fn describe(load: &Load) -> String {
    format!(
        "**{}**: {}; {} events ({} runs) of {} orders in {} partitions, {} bytes each on average, seed {}",
        load.name,
        load.about,
        whole(load.events),
        whole(load.runs),
        whole(load.orders),
        load.partitions,
        amount(load.value_bytes_mean),
        load.seed
    )
}
