//! Runs that can't be read, and runs that are large.

use serde_json::{Value, json};

use super::site::{AUTOMATION, Site};
use super::{ROWS, valid};

fn run_of(ran_at: &str, summary: &str) -> String {
    format!(
        "insert into gen_1.automation_runs values (gen_random_uuid(), 'replay', 'success', null, '{ran_at}',
             {summary}, '{{}}', 5, null, null, 1, '[]', gen_random_uuid(), 't', 0, 0);"
    )
}

#[tokio::test]
async fn a_run_that_cannot_be_read_hides_no_other() {
    let deep = "(repeat('{\"a\":', 200) || '1' || repeat('}', 200))::jsonb";
    let site = Site::with(&format!("{ROWS}; {}", run_of("9999-01-01", deep))).await;
    let status = site.json(&format!("{AUTOMATION}/status")).await;
    assert!(status["replay"]["unreadable"].as_str().unwrap().contains("summary"), "{status}");
    assert_eq!(status["replay"]["summary"], json!({"scheduledBacklog": 5}), "what else is known of it");
    assert_eq!(status["alerts"]["summary"]["alertsSent"], 4);
    let history = site.json(&format!("{AUTOMATION}/status/history?limit=2")).await;
    assert_eq!(history["replay"][1]["summary"]["number"], 120, "{history}");
    let export = site.get(&format!("{AUTOMATION}/runs/export?format=jsonl")).await.text().await.unwrap();
    assert_eq!(export.lines().count(), 122, "all runs");
    let document = site.json("/openapi.json").await;
    valid(&document, &json!({"$ref": "#/components/schemas/Status"}), &status);
    site.close().await;
}

#[tokio::test]
async fn large_runs_end_the_history_early_and_are_exported_whole() {
    let large = "jsonb_build_object('text', repeat('x', 20000))";
    let runs: String = (0..9).map(|day| run_of(&format!("2027-01-0{}", day + 1), large)).collect();
    let site = Site::with(&format!("{ROWS}; {runs}")).await;
    let history = site.json(&format!("{AUTOMATION}/status/history")).await;
    assert_eq!((history["replay"].as_array().unwrap().len(), &history["truncated"]), (2, &json!(true)));
    assert_eq!(history["alerts"].as_array().unwrap().len(), 1, "the other list has room of its own");
    let few = site.json(&format!("{AUTOMATION}/status/history?limit=2")).await;
    assert_eq!((few["replay"].as_array().unwrap().len(), &few["truncated"]), (2, &Value::Null));
    let export = site.get(&format!("{AUTOMATION}/runs/export?format=jsonl")).await.text().await.unwrap();
    assert_eq!(export.lines().count(), 130, "all runs");
    let document = site.json("/openapi.json").await;
    valid(&document, &json!({"$ref": "#/components/schemas/History"}), &history);
    site.close().await;
}
