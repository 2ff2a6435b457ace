//! What is easily forgotten when something is added: each test is a line of a recipe in CONTRIBUTING.md.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::verbs::commands;

/// Columns that `verify` leaves alone: bookkeeping times, row ids, and log positions (a dead letter's is its key),
/// and the sentence of a dead letter, which another binary may word otherwise.
const NOT_COMPARED: [(&str, &[&str]); 3] = [
    ("provider_order_events", &["topic", "partition", "\"offset\"", "recorded_at"]),
    ("checkpoints", &["topic", "partition", "next_offset", "updated_at"]),
    (
        "dead_letters",
        &[
            "id",
            "topic",
            "partition",
            "\"offset\"",
            "detail",
            "first_seen_at",
            "redriven_at",
            "discarded_at",
            "generation",
        ],
    ),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The columns of each stable view, as its SQL lists them.
fn stable_columns() -> BTreeMap<String, Vec<String>> {
    let sql = read("src/store/sql/stable_views.sql");
    let views = sql.split("create or replace view foldback.").skip(1);
    views
        .map(|view| {
            let (name, rest) = view.split_once(" as").unwrap();
            let list = rest.split_once("select").unwrap().1.split_once("from {schema}").unwrap().0;
            let last_word = |column: &str| column.split_whitespace().last().unwrap().to_owned();
            (name.trim().to_owned(), list.split(',').map(last_word).collect())
        })
        .collect()
}

#[test]
fn every_column_has_a_comment() {
    let comments = read("src/store/sql/comments.sql");
    for (view, columns) in stable_columns() {
        assert!(comments.contains(&format!("comment on view foldback.{view} is")), "{view} has no comment");
        for column in columns {
            let comment = format!("comment on column foldback.{view}.{column} is");
            assert!(comments.contains(&comment), "comments.sql lacks: {comment}");
        }
    }
}

#[test]
fn every_column_is_compared_by_verify_or_left_alone_on_purpose() {
    let shapes = read("src/store/compare/shape.rs");
    let shape = |view: &str| {
        let start = shapes.find(&format!("view: \"{view}\""))?;
        shapes[start..].split("\n    },").next()
    };
    for (view, columns) in stable_columns() {
        let left_alone = NOT_COMPARED.iter().find(|(name, _)| *name == view).map_or(&[][..], |(_, columns)| columns);
        for column in columns.iter().filter(|column| !left_alone.contains(&column.as_str())) {
            let compared = shape(&view).is_some_and(|shape| shape.contains(&format!("\"{column}\"")));
            assert!(compared, "{view}.{column} is not in store/compare/shape.rs");
        }
    }
}

#[test]
fn every_event_type_is_named_in_the_comment_of_its_column() {
    let schema: Value = serde_json::from_str(&read("schemas/provider-order-event.avsc")).unwrap();
    let fields = schema["fields"].as_array().unwrap();
    let payload = fields.iter().find(|field| field["name"] == "payload").unwrap();
    let branches: Vec<&str> = payload["type"].as_array().unwrap().iter().filter_map(|it| it["name"].as_str()).collect();
    assert!(branches.len() >= 9, "{branches:?}");
    for branch in branches {
        let event_type = snake_case(branch);
        assert!(read("src/store/sql/comments.sql").contains(&event_type), "comments.sql lacks {event_type}");
    }
}

fn snake_case(name: &str) -> String {
    let mut out = String::new();
    for char in name.chars() {
        if char.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(char.to_lowercase());
    }
    out
}

#[test]
fn every_metric_and_every_key_is_in_its_list() {
    declared_in("src/observe/families.rs", ": Family", "pub const ALL:");
    for entry in fs::read_dir(root().join("src/config")).unwrap() {
        let path = entry.unwrap().path();
        let path = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        if path.ends_with(".rs") && read(&path).contains("pub const KEYS:") {
            declared_in(&path, ": Key ", "pub const KEYS:");
        }
    }
}

/// Every constant of that type stands in the list that begins with `list`.
fn declared_in(path: &str, of_type: &str, list: &str) {
    let text = read(path);
    let list = text.split_once(list).unwrap().1.split_once("];").unwrap().0;
    let declared = text.lines().filter(|line| line.contains(of_type) && line.contains("const "));
    let names: Vec<&str> = declared.filter_map(|line| line.split_once("const ")?.1.split(':').next()).collect();
    assert!(!names.is_empty(), "{path} declares nothing");
    for name in names {
        let stands = list.split([',', '[', ']', ' ', '\n']).any(|entry| entry == name);
        assert!(stands, "{path}: {name} is not in its list");
    }
}

#[test]
fn every_command_has_a_snapshot_of_its_help_and_is_documented() {
    let (readme, contract) = (read("README.md"), read("docs/contract.md"));
    for command in commands(&[]) {
        assert!(readme.contains(&format!("`{command}")), "README.md lacks `{command}`");
        assert!(contract.contains(&format!("`{command}")), "docs/contract.md lacks `{command}`");
        let nested = commands(&[&command]);
        for name in nested.iter().map(|verb| format!("{command}-{verb}")).chain([command.clone()]) {
            let snapshot = format!("tests/cmd/help-{name}.toml");
            assert!(root().join(&snapshot).exists(), "{snapshot} is missing");
        }
    }
}

#[test]
fn links_in_the_documents_lead_somewhere() {
    let mut documents = vec![root().join("README.md"), root().join("CONTRIBUTING.md"), root().join("CHANGELOG.md")];
    for folder in ["docs", "docs/adr", "docs/runbooks", "migrations"] {
        let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        documents.extend(entries.filter(|path| path.extension().is_some_and(|it| it == "md")));
    }
    assert!(documents.len() > 30);
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next()) {
            let (file, _) = link.split_once('#').unwrap_or((link, ""));
            if file.is_empty() || file.starts_with("http") {
                continue;
            }
            let target = document.parent().unwrap_or(Path::new("")).join(file);
            assert!(target.exists(), "{} links to {file}, which is not there", document.display());
        }
    }
}
