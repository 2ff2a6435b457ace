//! Reads what foldback made of the log, and says readably where it differs from the reference.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection, Row};

use crate::hard_log::reference::exact::canonical;
use crate::hard_log::reference::{Reference, View};

const ROWS_SHOWN_MAX: usize = 20;
const VALUE_SHOWN_MAX: usize = 300;

/// Every view: its name, the text of its key, and the columns that are compared as JSON.
const VIEWS: [(&str, &str, &str); 8] = [
    ("provider_order_events", "provider_order_id || ' ' || lpad(sequence::text, 16, '0')", "to_jsonb(v)"),
    ("provider_orders", "provider_order_id::text", "to_jsonb(v)"),
    ("replays", "provider_order_id || ' ' || replay_id", "to_jsonb(v)"),
    ("refills", "provider_order_id || ' ' || refill_id", "to_jsonb(v)"),
    ("automation_runs", "run_id::text", "to_jsonb(v)"),
    ("backlog", "coalesce(provider_id, '')", "to_jsonb(v)"),
    ("provider_telemetry", "provider_id", "to_jsonb(v)"),
    (
        "dead_letters",
        r#"topic || ' ' || partition || ' ' || "offset""#,
        "to_jsonb(v) - 'id' - 'first_seen_at' - 'detail' || jsonb_build_object('has_detail', detail <> '', \
         'key', translate(encode(key, 'base64'), E'\\n', ''), 'value', translate(encode(value, 'base64'), E'\\n', ''))",
    ),
];

/// Panics with the first differing rows of every view that differs.
pub async fn assert_views(postgres: &mut PgConnection, reference: &Reference) {
    assert_schema(postgres, "foldback", reference).await;
}

/// The same of a generation's own schema.
pub async fn assert_schema(postgres: &mut PgConnection, schema: &str, reference: &Reference) {
    let views = read_views(postgres, schema).await;
    let report: String = views.iter().map(|(name, view)| differences(name, view, &reference.views[name])).collect();
    assert!(report.is_empty(), "the views of {schema} differ from the reference:\n{report}");
}

/// Every view of a schema, with the columns that the stable views show.
pub async fn read_views(postgres: &mut PgConnection, schema: &str) -> BTreeMap<&'static str, View> {
    sqlx::raw_sql("set timezone = 'UTC'; set extra_float_digits = 1").execute(&mut *postgres).await.unwrap();
    let mut views = BTreeMap::new();
    for (name, key, columns) in VIEWS {
        views.insert(name, read(postgres, schema, name, key, columns).await);
    }
    views
}

async fn read(postgres: &mut PgConnection, schema: &str, name: &str, key: &str, columns: &str) -> View {
    // tables of a generation have columns of the fold's own besides
    let shown = "select string_agg(quote_ident(column_name), ', ') from information_schema.columns
                 where table_schema = 'foldback' and table_name = $1";
    let shown: String = sqlx::query_scalar(shown).bind(name).fetch_one(&mut *postgres).await.unwrap();
    let query = format!("select {key}, ({columns})::text from (select {shown} from {schema}.{name}) v");
    let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(postgres).await.unwrap_or_else(|e| panic!("{name}: {e}"));
    let mut view = View::new();
    for row in rows {
        let (key, columns): (String, String) = (row.get(0), row.get(1));
        let twice = view.insert(key.clone(), serde_json::from_str(&columns).unwrap());
        assert!(twice.is_none(), "{name} has {key} twice");
    }
    view
}

/// Empty where they are equal.
pub fn differences(name: &str, stored: &View, expected: &View) -> String {
    let rows = differing_rows(stored, expected);
    if rows.is_empty() {
        return String::new();
    }
    let shown: String = rows.iter().take(ROWS_SHOWN_MAX).map(|row| row.text.as_str()).collect();
    format!("{name}: {} rows differ ({} expected, {} stored)\n{shown}", rows.len(), expected.len(), stored.len())
}

/// A row that is not what it should be.
pub struct DifferingRow {
    pub kind: Kind,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Missing,
    /// There, and should not be.
    Extra,
    Different,
}

/// By key.
pub fn differing_rows(stored: &View, expected: &View) -> Vec<DifferingRow> {
    let keys: BTreeSet<&String> = stored.keys().chain(expected.keys()).collect();
    keys.into_iter().filter_map(|key| row_difference(key, stored.get(key), expected.get(key))).collect()
}

fn row_difference(key: &str, stored: Option<&Value>, expected: Option<&Value>) -> Option<DifferingRow> {
    let (kind, text) = match (stored, expected) {
        (Some(stored), Some(expected)) => {
            (Kind::Different, column_differences(key, &canonical(stored), &canonical(expected))?)
        }
        (Some(stored), None) => (Kind::Extra, format!("  [{key}] is there and should not be: {}\n", short(stored))),
        (None, Some(expected)) => (Kind::Missing, format!("  [{key}] is missing: {}\n", short(expected))),
        (None, None) => return None,
    };
    Some(DifferingRow { kind, text })
}

fn column_differences(key: &str, stored: &Value, expected: &Value) -> Option<String> {
    let (stored, expected) = (stored.as_object().unwrap(), expected.as_object().unwrap());
    let columns: BTreeSet<&String> = stored.keys().chain(expected.keys()).collect();
    let differing: String = columns
        .into_iter()
        .filter(|column| stored.get(*column) != expected.get(*column))
        .map(|column| {
            let text = |row: &serde_json::Map<String, Value>| row.get(column).map_or("(no such column)".into(), short);
            format!("    {column}\n      stored   {}\n      expected {}\n", text(stored), text(expected))
        })
        .collect();
    (!differing.is_empty()).then(|| format!("  [{key}]\n{differing}"))
}

/// Panics where two JSON values differ in more than the spelling of numbers.
#[track_caller]
pub fn assert_json(what: &str, stored: &Value, expected: &Value) {
    let (stored, expected) = (canonical(stored), canonical(expected));
    assert!(stored == expected, "{what}\n  stored   {stored}\n  expected {expected}");
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(VALUE_SHOWN_MAX) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text,
    }
}
