//! Hostile bytes: every input of tests/hostile/corpus, and some thousand that are nearly alike. No input panics, takes more
//! memory than its target may, or is told without a sentence.

mod lengths;
#[path = "../hostile/mod.rs"]
mod targets;

use std::fs;
use std::path::Path;

use targets::allocation::Counting;
use targets::bombs::bombs;
use targets::mutation::Mutator;
use targets::{TARGETS, Target};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Mutations of each target's corpus. FOLDBACK_TEST_ROUNDS runs more of them, FOLDBACK_TEST_SEED others.
const ROUNDS: u64 = 2_000;

fn corpus(target: &Target) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile/corpus").join(target.name);
    let mut inputs: Vec<(String, Vec<u8>)> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(path).unwrap()))
        .collect();
    inputs.sort();
    assert!(inputs.len() >= 10, "{} holds {} inputs", folder.display(), inputs.len());
    inputs
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

/// The corpus, then mutations of it. A failing one is kept as a file, so that it stays in the corpus once its fault is mended.
fn holds(name: &str) {
    let target = Target::by_name(name);
    target.warm_up();
    let inputs = corpus(target);
    let mut accepted = 0;
    for (file, bytes) in &inputs {
        println!("{name}/{file}");
        accepted += u32::from(target.check(bytes));
    }
    assert!(accepted > 0, "a corpus in which nothing is accepted tests little");
    let known: Vec<Vec<u8>> = inputs.into_iter().map(|(_, bytes)| bytes).collect();
    let seed = number("FOLDBACK_TEST_SEED").unwrap_or(1);
    let mut mutator = Mutator::new(seed, &known, target.words);
    for round in 0..number("FOLDBACK_TEST_ROUNDS").unwrap_or(ROUNDS) {
        let bytes = mutator.next();
        let kept = Kept { path: std::env::temp_dir().join(format!("foldback-{name}-{seed}-{round}")), bytes: &bytes };
        accepted += u32::from(target.check(kept.bytes));
    }
    println!("{name}: {accepted} accepted");
}

/// Written if its round panics.
struct Kept<'b> {
    path: std::path::PathBuf,
    bytes: &'b [u8],
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        fs::write(&self.path, self.bytes).unwrap();
        eprintln!("the input is kept in {}: move it to tests/hostile/corpus", self.path.display());
    }
}

#[test]
fn every_target_has_a_test() {
    assert_eq!(TARGETS.map(|target| target.name), ["framing", "schema", "decoding", "summaries", "query"]);
}

/// FOLDBACK_TEST_BOMB runs one alone.
#[test]
fn a_small_input_never_takes_much() {
    TARGETS.into_iter().for_each(Target::warm_up);
    let one = std::env::var("FOLDBACK_TEST_BOMB").ok();
    for (name, target, bytes) in bombs() {
        if one.as_ref().is_some_and(|one| one != name) {
            continue;
        }
        println!("{target}/{name}: {} bytes", bytes.len());
        Target::by_name(target).check(&bytes);
    }
}

#[test]
fn framing_holds() {
    holds("framing");
}

#[test]
fn schema_holds() {
    holds("schema");
}

#[test]
fn decoding_holds() {
    holds("decoding");
}

#[test]
fn summaries_hold() {
    holds("summaries");
}

#[test]
fn queries_hold() {
    holds("query");
}
