//! Every verb of the command line, as its own help lists them: a new one can't be forgotten.

use std::process::Command;

const ORDER: &str = "c56a4180-65aa-42ec-a945-5fd21dec0538";
/// What a verb can't be run without, or is over sooner with.
const ARGUMENTS: [(&str, &[&str]); 10] = [
    ("completions", &["bash"]),
    ("dead-letters allow", &["provider-orders", "0", "1"]),
    ("dead-letters disallow", &["provider-orders", "0", "1"]),
    ("dead-letters discard", &["1", "--why", "test"]),
    ("dead-letters redrive", &["1"]),
    ("dead-letters show", &["1"]),
    ("generations drop", &["2", "--yes"]),
    ("generations promote", &["2"]),
    ("order", &[ORDER]),
    ("publish", &["--count", "1"]),
];

/// The commands that `foldback PATH --help` lists.
pub fn commands(path: &[&str]) -> Vec<String> {
    let help = help(path);
    let Some((_, list)) = help.split_once("Commands:\n") else { return Vec::new() };
    let lines = list.lines().take_while(|line| !line.is_empty());
    // A description that is wrapped is indented further than a name.
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

/// The arguments that run each verb, once more with `--json` where it has that.
pub fn command_lines() -> Vec<Vec<String>> {
    let mut lines = Vec::new();
    for command in commands(&[]) {
        match commands(&[&command]) {
            nested if nested.is_empty() => lines.extend(lines_of(&[&command])),
            nested => lines.extend(nested.iter().flat_map(|verb| lines_of(&[&command, verb]))),
        }
    }
    assert!(lines.len() > 30, "{lines:?}");
    lines
}

/// Panics if the output is that of a verb which misses an argument: then it stands for nothing.
pub fn assert_understood(line: &[String], output: &str) {
    assert!(!output.contains("\nUsage: foldback "), "add what {line:?} needs to ARGUMENTS in verbs.rs: {output}");
}

fn lines_of(path: &[&str]) -> Vec<Vec<String>> {
    let name = path.join(" ");
    let more = ARGUMENTS.iter().find(|(verb, _)| *verb == name).map_or(&[][..], |(_, more)| more);
    let line: Vec<String> = path.iter().chain(more).map(|word| (*word).to_owned()).collect();
    let json = help(path).contains(" --json ").then(|| [line.clone(), vec!["--json".to_owned()]].concat());
    [line].into_iter().chain(json).collect()
}

fn help(path: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_foldback")).args(path).arg("--help").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}
