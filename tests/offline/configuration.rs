//! config/foldback.toml and docs/configuration.md say what the code does. `UPDATE_DOCS=1 cargo test --test
//! offline configuration` writes both again.

use std::fs;
use std::path::Path;

use foldback::config::{Config, Key, Kind, Preset, SECTIONS};

const TOML: &str = "config/foldback.toml";
const DOC: &str = "docs/configuration.md";

fn check(path: &str, expected: &str) {
    let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&whole, expected).unwrap();
    }
    let found = fs::read_to_string(&whole).unwrap_or_default();
    assert_eq!(found, expected, "{path} is out of step: UPDATE_DOCS=1 cargo test --test offline configuration");
}

fn preset(key: &Key) -> String {
    match key.preset {
        Preset::Text(text) => format!("\"{text}\""),
        Preset::Number(number) => number.to_string(),
        Preset::Cores { max } => format!("cores, at most {max}"),
        Preset::Unset => "not set".to_owned(),
    }
}

fn wrapped(text: &str) -> String {
    let mut lines = vec![String::from("#")];
    for word in text.split_whitespace() {
        if lines.last().is_some_and(|line| line.len() + word.len() > 110) {
            lines.push(String::from("#"));
        }
        let line = lines.last_mut().unwrap();
        line.push(' ');
        line.push_str(word);
    }
    lines.join("\n") + "\n"
}

fn entry(section: &str, key: &Key) -> String {
    let name = &key.name[section.len() + 1..];
    let about = wrapped(&format!("{} Takes {}.", key.doc, key.kind));
    match (key.kind, key.preset) {
        (Kind::Properties, _) => format!("{about}# properties.\"security.protocol\" = \"SASL_SSL\"\n"),
        (_, Preset::Unset) => format!("{about}# {name} = \"\"\n# {name}_file = \"/run/secrets/{section}_{name}\"\n"),
        (_, Preset::Cores { .. }) => format!("{about}# {name} = 2\n"),
        _ => format!("{about}{name} = {}\n", preset(key)),
    }
}

fn toml() -> String {
    let mut text = String::from(
        "# All settings of foldback with their defaults. An environment variable FOLDBACK__SECTION__KEY overrides a\n\
         # setting here; a flag overrides both. A secret can be read from a file of its own: name that file by\n\
         # <key>_file here, or by FOLDBACK__SECTION__KEY_FILE.\n",
    );
    for (section, keys) in SECTIONS {
        text.push_str(&format!("\n[{section}]\n"));
        text.push_str(&keys.iter().map(|key| entry(section, key)).collect::<Vec<_>>().join("\n"));
    }
    text
}

fn markdown() -> String {
    let mut text = String::from(
        "# Configuration

Settings come from a TOML file (`--config PATH` or `FOLDBACK_CONFIG`). Environment variables override it, and flags
override both. Unknown keys are errors. `foldback config show` prints every value and where it comes from.
`config/foldback.toml` is the commented default.

A secret (the URLs, the tokens, and passwords among `kafka.properties`) can be read from a file of its own: set
`<key>_file` in TOML, or `<VARIABLE>_FILE`, to its path. Below `kafka.properties`, `_` in the name of an environment
variable stands for `.`: `FOLDBACK__KAFKA__PROPERTIES__SASL_MECHANISM` sets `sasl.mechanism`.
",
    );
    for (section, keys) in SECTIONS {
        text.push_str(&format!(
            "\n## {section}\n\n| Key | Default | Takes | What it does | Environment |\n|---|---|---|---|---|\n"
        ));
        for key in *keys {
            text.push_str(&format!(
                "| `{}` | {} | {} | {} | `{}` |\n",
                key.name,
                preset(key).replace('"', "`"),
                key.kind,
                key.doc,
                key.variable()
            ));
        }
    }
    text
}

#[test]
fn the_default_file_has_every_key_with_the_codes_default() {
    check(TOML, &toml());
    let all = toml();
    for (section, keys) in SECTIONS {
        for key in *keys {
            assert!(
                all.contains(&format!("{} =", &key.name[section.len() + 1..])) || matches!(key.kind, Kind::Properties)
            );
        }
    }
}

#[test]
fn the_default_file_changes_nothing() {
    let values =
        |config: Config| config.settings().into_iter().map(|setting| (setting.key, setting.value)).collect::<Vec<_>>();
    let from_file = Config::from_toml(TOML, &toml()).unwrap();
    assert_eq!(values(from_file), values(Config::from_toml("empty", "").unwrap()));
}

#[test]
fn the_documentation_tells_every_key() {
    check(DOC, &markdown());
}
