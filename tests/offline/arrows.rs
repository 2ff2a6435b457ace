//! Keeps the rooms apart: what may be imported where, and what may stand where.

mod circles;

use std::fs;
use std::path::{Path, PathBuf};

/// Boundaries: each of them knows one thing outside, and none of the others.
const MIDDLE: [&str; 7] = ["log", "codec", "projection", "store", "publish", "serve", "registry"];
/// Programs, in the order in which they build upon each other: each may use those after it.
const PROGRAMS: [&str; 5] = ["rebuild", "verify", "redrive", "load", "live"];
/// Tools of their own, used by cli alone.
const TOOLS: [&str; 2] = ["doctor", "samples"];
const LEAVES: [&str; 3] = ["domain", "config", "observe"];
const LINES_MAX: usize = 400;

/// Whether code in `from` may name things in `to`.
fn is_allowed(from: &str, to: &str) -> bool {
    let place = |room: &str| PROGRAMS.iter().position(|program| *program == room);
    let is_middle_or_leaf = LEAVES.contains(&to) || MIDDLE.contains(&to);
    match from {
        _ if from == to => true,
        "domain" => false,
        "config" => to == "domain",
        // Logging and metrics are told how to behave by their config section.
        "observe" => to == "domain" || to == "config",
        // The registry's schemas are prepared for the decoder.
        "registry" => LEAVES.contains(&to) || to == "codec",
        // A command may print what a room returns, but nobody imports cli.
        "cli" => to != "cli",
        "main" => to == "cli",
        _ if TOOLS.contains(&from) => is_middle_or_leaf,
        _ if PROGRAMS.contains(&from) => is_middle_or_leaf || place(to) > place(from),
        _ if MIDDLE.contains(&from) => LEAVES.contains(&to),
        _ => false,
    }
}

struct File {
    path: PathBuf,
    /// `store` for src/store/read/mod.rs
    room: String,
    /// `["store", "read"]` for src/store/read/mod.rs and src/store/read.rs
    module: Vec<String>,
    text: String,
}

fn files() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    assert!(found.len() > 30, "the sources were not found");
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(file(root, &path, fs::read_to_string(&path).unwrap()));
        }
    }
}

fn file(root: &Path, path: &Path, text: String) -> File {
    let relative = path.strip_prefix(root).unwrap().with_extension("");
    let mut module: Vec<String> = relative.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| last == "mod" || last == "lib") {
        module.pop();
    }
    let room = module.first().cloned().unwrap_or_default();
    File { path: path.to_owned(), room, module, text }
}

/// Rooms that a file names by `crate::…` or `foldback::…`, or by more `super::` than it lies deep.
fn rooms_named(module: &[String], text: &str) -> Vec<String> {
    let code: String = text.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n");
    let mut rooms = Vec::new();
    for prefix in ["crate::", "foldback::"] {
        rooms.extend(code.split(prefix).skip(1).flat_map(heads));
    }
    let out = "super::".repeat(module.len());
    if !module.is_empty() {
        rooms.extend(code.split(&out).skip(1).filter(|rest| !rest.starts_with("super::")).flat_map(heads));
    }
    rooms
}

/// `store::…` names one room, `{store, log::x}` names two.
fn heads(rest: &str) -> Vec<String> {
    match rest.strip_prefix('{') {
        Some(list) => {
            let mut depth = 0;
            let flat: String = list
                .chars()
                .map_while(|char| {
                    depth += match char {
                        '{' => 1,
                        '}' => -1,
                        _ => 0,
                    };
                    (depth >= 0).then_some(if depth > 0 { ' ' } else { char })
                })
                .collect();
            flat.split(',').map(|item| identifier(item.trim())).collect()
        }
        None => vec![identifier(rest)],
    }
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect()
}

fn is_room(name: &str) -> bool {
    name == "cli" || [&MIDDLE[..], &PROGRAMS, &TOOLS, &LEAVES].iter().any(|rooms| rooms.contains(&name))
}

fn wrong_arrows(file: &File) -> Vec<String> {
    rooms_named(&file.module, &file.text)
        .into_iter()
        .filter(|to| is_room(to) && !is_allowed(&file.room, to))
        .map(|to| format!("{} imports {to}", file.path.display()))
        .collect()
}

#[test]
fn imports_go_one_way() {
    let wrong: Vec<String> = files().iter().filter(|file| file.room != "lib").flat_map(wrong_arrows).collect();
    assert!(wrong.is_empty(), "these arrows are turned round (see docs/ARCHITECTURE.md):\n{}", wrong.join("\n"));
}

#[test]
fn files_of_a_room_do_not_turn_around_each_other() {
    let sources: Vec<circles::Source> = files().into_iter().map(|file| (file.module, file.text)).collect();
    let found: Vec<String> = circles::circles(&sources).into_iter().map(|circle| circle.join(" <-> ")).collect();
    assert!(found.is_empty(), "these files name each other:\n{}", found.join("\n"));
}

#[test]
fn a_circle_is_seen() {
    let file = |path: &str, text: &str| (path.split("::").map(str::to_owned).collect(), text.to_owned());
    let see = |a: &str, b: &str| {
        circles::circles(&[file("r", "mod a;\nmod b;\npub use b::B;"), file("r::a", a), file("r::b", b)]).len()
    };
    assert_eq!(see("use super::b::B;", "use super::a::{A, C};"), 1);
    assert_eq!(see("use super::B;", "fn f() { crate::r::a::g() }"), 1);
    assert_eq!(see("use super::b::B;", "// use super::a::A;"), 0);
    assert_eq!(see("use super::b::B;", "#[cfg(test)]\nmod tests {\n    use super::super::a::A;\n}"), 0);
    assert_eq!(see("use super::b::B;", "use std::a;"), 0);
}

#[test]
fn files_stay_short() {
    let long = |file: &File| (file.text.lines().count() > LINES_MAX).then(|| file.path.display().to_string());
    let long: Vec<String> = files().iter().filter_map(long).collect();
    assert!(long.is_empty(), "longer than {LINES_MAX} lines, split them: {long:?}");
}

#[test]
fn metrics_are_named_in_observe_alone() {
    let wrong = only_in("observe", |line| {
        line.contains("counter!(\"")
            || line.contains("gauge!(\"")
            || line.contains("histogram!(\"")
            || line.contains("\"provider_automation_")
            || (line.contains("\"foldback_") && !line.contains("_CHANNEL"))
    });
    assert!(wrong.is_empty(), "metric names belong in observe/families.rs:\n{}", wrong.join("\n"));
}

#[test]
fn sql_is_in_store_alone() {
    let wrong = only_in("store", |line| {
        ["sqlx::query", "sqlx::raw_sql", "QueryBuilder", "use sqlx::query"].iter().any(|word| line.contains(word))
    });
    assert!(wrong.is_empty(), "SQL belongs in store/:\n{}", wrong.join("\n"));
}

/// Lines of code outside tests and outside `room` that hold what belongs there.
fn only_in(room: &str, is_of_room: impl Fn(&str) -> bool) -> Vec<String> {
    let others = files().into_iter().filter(|file| file.room != room);
    others
        .flat_map(|file| {
            let code = file.text.split("#[cfg(test)]").next().unwrap_or("").to_owned();
            let path = file.path.display().to_string();
            let lines: Vec<String> = code
                .lines()
                .filter(|line| !line.trim_start().starts_with("//") && is_of_room(line))
                .map(|line| format!("{path}: {}", line.trim()))
                .collect();
            lines
        })
        .collect()
}

#[test]
fn a_turned_arrow_is_seen() {
    let see = |path: &str, text: &str| {
        wrong_arrows(&file(Path::new("src"), &Path::new("src").join(path), text.to_owned())).len()
    };
    assert_eq!(see("store/mod.rs", "use crate::codec::Decoder;"), 1);
    assert_eq!(see("store/mod.rs", "use crate::{domain::x, codec::{a, log}, publish};"), 2);
    assert_eq!(see("store/read/mod.rs", "use super::super::serve::x;"), 1);
    assert_eq!(see("store/read/mod.rs", "use super::connect::x;"), 0);
    assert_eq!(see("domain/mod.rs", "pub fn f() { crate::config::x(); }"), 1);
    assert_eq!(see("live/mod.rs", "use foldback::cli::x;"), 1);
    assert_eq!(see("live/mod.rs", "use crate::load::x;"), 1);
    assert_eq!(see("verify/mod.rs", "use crate::rebuild::x;"), 1);
    assert_eq!(see("rebuild/mod.rs", "use crate::{live::x, verify::x, load::x, registry::x};"), 0);
    assert_eq!(see("doctor/mod.rs", "use crate::live::x;"), 1);
    assert_eq!(see("config/mod.rs", "use crate::observe::x;"), 1);
    assert_eq!(see("store/mod.rs", "// crate::codec is told\nuse crate::domain::x;"), 0);
}
