//! What we depend on is licensed as deny.toml allows and comes from crates.io. `cargo deny` checks more (advisories, yanked
//! versions), and ./dev/test runs it where it is installed; this needs nothing but what was built.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The packages that this machine's builds and tests are made of.
fn packages() -> Vec<Value> {
    let version = run(Command::new("rustc").arg("-vV"));
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host");
    let cargo = env!("CARGO");
    let mut metadata = Command::new(cargo);
    metadata.args(["metadata", "--locked", "--offline", "--format-version", "1", "--filter-platform", host]);
    let metadata: Value = serde_json::from_str(&run(metadata.current_dir(env!("CARGO_MANIFEST_DIR")))).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn allowed() -> BTreeSet<String> {
    let deny: toml::Table = toml::from_str(include_str!("../../deny.toml")).unwrap();
    let allow = deny["licenses"]["allow"].as_array().unwrap();
    allow.iter().map(|license| license.as_str().unwrap().to_owned()).collect()
}

/// Whether an SPDX expression can be met by allowed licences. Older crates write `/` for OR.
fn is_met(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut tokens = tokens.as_slice();
    let met = any_of(&mut tokens, allowed);
    met && tokens.is_empty()
}

/// AND binds tighter than OR.
fn any_of(tokens: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut met = all_of(tokens, allowed);
    while tokens.first() == Some(&"OR") {
        *tokens = &tokens[1..];
        met |= all_of(tokens, allowed);
    }
    met
}

fn all_of(tokens: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut met = one(tokens, allowed);
    while tokens.first() == Some(&"AND") {
        *tokens = &tokens[1..];
        met &= one(tokens, allowed);
    }
    met
}

fn one(tokens: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    match **tokens {
        ["(", ..] => {
            *tokens = &tokens[1..];
            let met = any_of(tokens, allowed);
            let is_closed = tokens.first() == Some(&")");
            *tokens = tokens.get(1..).unwrap_or_default();
            met && is_closed
        }
        [license, "WITH", exception, ..] => {
            *tokens = &tokens[3..];
            allowed.contains(&format!("{license} WITH {exception}"))
        }
        [license, ..] => {
            *tokens = &tokens[1..];
            allowed.contains(license)
        }
        [] => false,
    }
}

#[test]
fn every_dependency_is_licensed_as_deny_toml_allows_and_comes_from_crates_io() {
    let (packages, allowed) = (packages(), allowed());
    assert!(packages.len() > 100, "{} packages", packages.len());
    for package in packages.iter().filter(|package| package["name"] != "foldback") {
        let (name, license) = (&package["name"], package["license"].as_str().unwrap_or_default());
        assert!(is_met(license, &allowed), "{name}: {license}");
        assert_eq!(package["source"], CRATES_IO, "{name}");
    }
}

#[test]
fn no_dependency_takes_any_version() {
    let manifest: toml::Table = toml::from_str(include_str!("../../Cargo.toml")).unwrap();
    for kind in ["dependencies", "dev-dependencies"] {
        for (name, wanted) in manifest[kind].as_table().unwrap() {
            let version = wanted.as_str().or(wanted.get("version").and_then(|version| version.as_str()));
            assert!(version.is_some_and(|version| !version.contains('*')), "{name}");
        }
    }
}

#[test]
fn expressions_of_licences_are_read_as_spdx_does() {
    let allowed = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into();
    for met in
        ["MIT", "GPL-3.0 OR MIT", "GPL-3.0/MIT", "MIT AND ISC", "(GPL-3.0 OR MIT) AND ISC", "GPL-3.0 AND ISC OR MIT"]
    {
        assert!(is_met(met, &allowed), "{met}");
    }
    assert!(is_met("Apache-2.0 WITH LLVM-exception", &allowed));
    for unmet in ["", "GPL-3.0", "MIT AND GPL-3.0", "MIT AND (GPL-3.0 OR LGPL-2.1)", "Apache-2.0", "(MIT", "MIT ISC"] {
        assert!(!is_met(unmet, &allowed), "{unmet}");
    }
}
