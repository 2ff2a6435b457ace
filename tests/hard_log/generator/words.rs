//! Ids, names and texts at the edges of what is allowed.

use serde_json::{Value, json};

use super::Source;

pub fn provider_id(source: &mut Source) -> String {
    let wide = "\u{1F4E6}".repeat(64);
    let ids = [
        "acme",
        "Acme",
        "blitz",
        "caravel",
        "dröm",
        "e",
        "provider with spaces",
        "quote\"s\\and\tcontrol\u{1}",
        "ünïcode-日本語",
        "zzz",
        "a/b?c=d&e",
        &wide,
    ];
    source.pick(&ids).to_owned()
}

pub fn provider_name(source: &mut Source) -> String {
    let long = "n".repeat(5000);
    let names = ["Acme GmbH", "ACME", "", "Blitz \u{1F680}", "Ünï 日本", "\u{FFFD}\u{10FFFF}", &long];
    source.pick(&names).to_owned()
}

pub fn service_id(source: &mut Source) -> String {
    let longest = "s".repeat(64);
    source.pick(&["likes", "views", "Follows", "日本", "s", &longest]).to_owned()
}

pub fn currency(source: &mut Source) -> &'static str {
    source.pick(&["EUR", "EUR", "EUR", "EUR", "USD", "JPY", "XXX"])
}

pub fn text(source: &mut Source) -> String {
    let long = "Ω".repeat(3000);
    let texts =
        ["", "ok", "{\"status\":200}", "not json {", "line\nbreak\r\n", "\u{7f}\u{1b}[0m", "naïve 𝒳", "\\u0000", &long];
    source.pick(&texts).to_owned()
}

pub fn rule_id(source: &mut Source) -> String {
    let longest = "ü".repeat(256);
    source.pick(&["r1", "r2", "r3", "", "R1", "rule 7", "日", &longest]).to_owned()
}

/// A label sorts by code point: `Z` < `a` < `é` < U+FFFD < U+1F600 (UTF-16 would swap the last two).
pub fn label(source: &mut Source) -> String {
    let longest = "l".repeat(256);
    source.pick(&["alpha", "Zeta", "éclair", "\u{FFFD}", "\u{1F600}", "", "alpha ", &longest]).to_owned()
}

pub fn service_rules(source: &mut Source) -> Value {
    let rule = |source: &mut Source| {
        let label = source.maybe(0.6, label);
        let priority = source.maybe(0.5, |source| source.pick(&[0, 1, -5, i32::MAX, i32::MIN]));
        json!({"id": rule_id(source), "label": label, "priority": priority})
    };
    let count = source.pick(&[0, 0, 1, 2, 3, 5]);
    let mut rules: Vec<Value> = (0..count).map(|_| rule(source)).collect();
    if count > 0 && source.chance(0.2) {
        rules.push(rules[0].clone());
    }
    json!(rules)
}

pub fn rule_ids(source: &mut Source) -> Value {
    let count = source.pick(&[0, 0, 1, 2, 4]);
    json!((0..count).map(|_| rule_id(source)).collect::<Vec<_>>())
}

pub fn rule_metadata(source: &mut Source) -> Value {
    let count = source.pick(&[0, 0, 1, 3]);
    let entries = (0..count).map(|_| (text(source), json!(text(source))));
    Value::Object(entries.collect())
}
