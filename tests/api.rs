//! The HTTP API over a real Postgres, seen by a client.

mod abandoned;
mod authorization;
mod dead_letters;
mod document;
mod gaps;
mod hostile;
mod pages;
mod runs;
mod site;

use foldback::observe::health::{KAFKA, REDIS, Severity};
use foldback::serve::HttpSettings;
use serde_json::{Value, json};
use site::{AUTOMATION, FULFILLMENT, Site};

use crate::support::http;

const ROWS: &str = include_str!("api/rows.sql");
const GENERATIONS: &str = include_str!("api/generations.sql");
const ORDER: &str = "00000000-0000-0000-0000-000000000001";
const UNPLACED: &str = "00000000-0000-0000-0000-000000000002";

/// Every path that the contract promises.
const ROUTES: [&str; 17] = [
    "/",
    "/livez",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/api/v1/fulfillment/providers/automation/status",
    "/api/v1/fulfillment/providers/automation/status/history",
    "/api/v1/fulfillment/providers/automation/snapshot",
    "/api/v1/fulfillment/providers/automation/backlog",
    "/api/v1/fulfillment/providers/automation/generations",
    "/api/v1/fulfillment/providers/automation/dead-letters",
    "/api/v1/fulfillment/providers/automation/dead-letters/{id}",
    "/api/v1/fulfillment/providers/automation/gaps",
    "/api/v1/fulfillment/providers/automation/runs/export",
    "/api/v1/fulfillment/provider-orders/{id}",
    "/api/v1/fulfillment/provider-orders/{id}/timeline",
    "/api/v1/fulfillment/replays",
];

#[tokio::test]
async fn status_shows_the_newest_run_of_each_type_to_the_digit() {
    let site = Site::with(ROWS).await;
    let text = site.get(&format!("{AUTOMATION}/status")).await.text().await.unwrap();
    assert!(text.contains("12345678901234567890123"), "{text}");
    let status: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(status["replay"]["summary"]["number"], json!(120));
    assert_eq!(status["replay"]["ranAt"], "2026-01-01T02:00:00.000000+00:00");
    let alerts = json!({"alertsSent": 4, "autoPaused": 1, "autoPausedProviders": ["acme"]});
    assert_eq!(status["alerts"]["summary"], alerts);
    site.close().await;
}

#[tokio::test]
async fn history_is_newest_first_and_bounded() {
    let site = Site::with(ROWS).await;
    let numbers = |history: &Value| -> Vec<String> {
        let runs = history["replay"].as_array().unwrap();
        runs.iter().map(|run| run["summary"]["number"].to_string()).collect()
    };
    let default = site.json(&format!("{AUTOMATION}/status/history")).await;
    assert_eq!(numbers(&default), (101..=120).rev().map(|number| number.to_string()).collect::<Vec<_>>());
    assert_eq!(default["alerts"].as_array().unwrap().len(), 1);
    assert_eq!(numbers(&site.json(&format!("{AUTOMATION}/status/history?limit=1")).await), ["120"]);
    assert_eq!(numbers(&site.json(&format!("{AUTOMATION}/status/history?limit=100")).await).len(), 100);
    site.close().await;
}

#[tokio::test]
async fn generations_are_listed_with_how_far_a_rebuild_is() {
    let site = Site::with(GENERATIONS).await;
    let answer = site.json(&format!("{AUTOMATION}/generations")).await;
    let generations = answer["generations"].as_array().unwrap();
    let of = |name: &str| generations.iter().map(|generation| generation[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("generation"), [json!(1), json!(2), json!(3)], "no shadow");
    assert_eq!(of("state"), [json!("live"), json!("failed"), json!("building")]);
    assert_eq!(of("builderAlive"), [json!(false), json!(false), json!(true)]);
    assert_eq!(generations[1]["failure"], "it is empty");
    let progress = json!({"phase": "catching_up", "ratio": 0.25, "events": 7, "eventsPerSecond": 1.5, "etaSeconds": 9});
    assert_eq!(generations[2]["progress"], progress);
    let document = site.json("/openapi.json").await;
    valid(&document, &json!({"$ref": "#/components/schemas/GenerationsAnswer"}), &answer);
    site.problem(&format!("{AUTOMATION}/generations?state=live"), 400).await;
    site.close().await;
}

#[tokio::test]
async fn backlog_and_snapshot_sum_slots_and_keep_the_unknown_provider() {
    let site = Site::with(ROWS).await;
    let mut backlog = site.json(&format!("{AUTOMATION}/backlog")).await;
    assert_eq!(backlog["meta"]["generation"], json!(1));
    backlog.as_object_mut().unwrap().remove("meta");
    let next = "2020-01-01T00:00:00.000000+00:00";
    let acme = json!({"scheduledBacklog": 2, "nextScheduledAt": next, "overdue": 1});
    let unknown = json!({"scheduledBacklog": 1, "nextScheduledAt": null, "overdue": 1});
    assert_eq!(
        backlog,
        json!({"scheduledBacklog": 3, "nextScheduledAt": next, "overdue": 2,
               "byProvider": {"acme": acme, "unknown": unknown}})
    );
    let snapshot = site.json(&format!("{AUTOMATION}/snapshot")).await;
    assert_eq!(snapshot["aggregated"]["replays"], json!({"total": 1, "executed": 0, "failed": 1, "scheduled": 3}));
    let likes = json!({"evaluated": 1, "pass": 1, "warn": 0, "fail": 0});
    let rule = json!({"totalOverrides": 1, "rules": {"r": {"id": "r", "label": null, "count": 1}}});
    let telemetry = json!({"totalOrders": 1, "replays": {"total": 1, "executed": 0, "failed": 1, "scheduled": 2},
        "guardrails": likes, "guardrailHitsByService": {"likes": likes}, "ruleOverridesByService": {"likes": rule}});
    assert_eq!(snapshot["providers"], json!([{"id": "acme", "name": "Acme", "telemetry": telemetry, "backlog": acme}]));
    site.close().await;
}

#[tokio::test]
async fn an_order_comes_with_replays_and_refills() {
    let site = Site::with(ROWS).await;
    let whole = site.json(&format!("{FULFILLMENT}/provider-orders/{ORDER}")).await;
    assert_eq!(whole["order"]["providerId"], "acme");
    assert_eq!(whole["order"]["amount"], json!({"units": "100.0000", "currency": "EUR"}));
    assert_eq!(whole["order"]["guardrailStatus"], "pass");
    assert_eq!(whole["order"]["missingEvents"], json!(1));
    assert_eq!(whole["order"]["lastEventAt"], "2026-01-02T00:00:00.500000+00:00");
    let statuses: Vec<&Value> = whole["replays"].as_array().unwrap().iter().map(|replay| &replay["status"]).collect();
    assert_eq!(statuses, ["scheduled", "scheduled", "failed"]);
    assert_eq!(whole["replays"][2]["requestedAmount"], json!({"units": "-1.2500", "currency": "USD"}));
    assert_eq!(whole["refills"][0]["amount"], json!({"units": "2.5000", "currency": "EUR"}));
    let unplaced = site.json(&format!("{FULFILLMENT}/provider-orders/{UNPLACED}")).await;
    assert_eq!(unplaced["order"]["providerId"], Value::Null);
    assert_eq!(unplaced["order"]["amount"], Value::Null);
    assert_eq!(unplaced["replays"][0]["requestedAmount"], Value::Null);
    site.close().await;
}

#[tokio::test]
async fn lists_are_walked_by_cursor_without_gap_or_repeat() {
    let site = Site::with(ROWS).await;
    let timeline = format!("{FULFILLMENT}/provider-orders/{ORDER}/timeline");
    assert_eq!(walk(&site, &timeline, "limit=1", "sequence").await, ["1", "2", "3", "5"]);
    assert_eq!(walk(&site, &timeline, "limit=500", "sequence").await.len(), 4);
    let replays = format!("{FULFILLMENT}/replays");
    assert_eq!(walk(&site, &replays, "limit=3", "replayId").await.len(), 4);
    assert_eq!(walk(&site, &replays, "limit=1&status=scheduled", "replayId").await.len(), 3);
    assert_eq!(walk(&site, &replays, "providerId=acme&status=failed", "replayId").await.len(), 1);
    assert_eq!(walk(&site, &replays, "limit=1&dueBefore=2021-01-01T00:00:00%2B02:00", "replayId").await.len(), 2);
    assert_eq!(walk(&site, &replays, "providerId=nobody", "replayId").await.len(), 0);
    site.close().await;
}

/// The values of one field over all pages.
async fn walk(site: &Site, path: &str, query: &str, field: &str) -> Vec<String> {
    let mut values = Vec::new();
    let mut address = format!("{path}?{query}");
    loop {
        let page = site.json(&address).await;
        values.extend(page["items"].as_array().unwrap().iter().map(|item| item[field].to_string()));
        let Some(cursor) = page["nextCursor"].as_str() else { return values };
        assert!(values.len() < 100, "the walk ends");
        address = format!("{path}?{query}&cursor={cursor}");
    }
}

#[tokio::test]
async fn bad_requests_are_told_by_parameter() {
    let site = Site::with("").await;
    let cases = [
        (format!("{AUTOMATION}/status/history?limit=0"), "limit"),
        (format!("{AUTOMATION}/status/history?limit=101"), "limit"),
        (format!("{AUTOMATION}/status/history?limit=abc"), "limit"),
        (format!("{AUTOMATION}/status/history?limit="), "limit"),
        (format!("{AUTOMATION}/status/history?limit=%2B5"), "limit"),
        (format!("{AUTOMATION}/status/history?limit=5&limit=6"), "limit"),
        (format!("{AUTOMATION}/status/history?Limit=5"), "Limit"),
        (format!("{AUTOMATION}/status?a%20b=1"), "a b"),
        (format!("{AUTOMATION}/snapshot?x"), "x"),
        (format!("{AUTOMATION}/backlog?limit=1"), "limit"),
        (format!("{AUTOMATION}/runs/export"), "format"),
        (format!("{AUTOMATION}/runs/export?format=xml"), "format"),
        (format!("{AUTOMATION}/runs/export?format=csv&type=alerts"), "type"),
        (format!("{AUTOMATION}/runs/export?format=csv&from=yesterday"), "from"),
        (format!("{AUTOMATION}/runs/export?format=csv&to=2026-01-01"), "to"),
        (format!("{FULFILLMENT}/provider-orders/17"), "id"),
        (format!("{FULFILLMENT}/provider-orders/00000000000000000000000000000001"), "id"),
        (format!("{FULFILLMENT}/provider-orders/%FF%FE"), "id"),
        (format!("{FULFILLMENT}/provider-orders/{ORDER}%00"), "id"),
        (format!("{FULFILLMENT}/provider-orders/{ORDER}/timeline?limit=501"), "limit"),
        (format!("{FULFILLMENT}/provider-orders/{ORDER}/timeline?cursor=%21garbage"), "cursor"),
        (format!("{FULFILLMENT}/replays?cursor=e30"), "cursor"),
        (format!("{FULFILLMENT}/replays?status=due"), "status"),
        (format!("{FULFILLMENT}/replays?providerId="), "providerId"),
        (format!("{FULFILLMENT}/replays?providerId=a%00b"), "providerId"),
        (format!("{FULFILLMENT}/replays?dueBefore=now"), "dueBefore"),
    ];
    for (path, parameter) in cases {
        assert_eq!(site.problem(&path, 400).await["parameter"], parameter, "{path}");
    }
    let unknown = site.problem(&format!("{FULFILLMENT}/provider-orders/{ORDER}"), 404).await;
    assert!(unknown["detail"].as_str().unwrap().contains(ORDER));
    site.problem(&format!("{FULFILLMENT}/provider-orders/{ORDER}/timeline"), 404).await;
    for path in ["/nothing", "/api/v1/fulfillment/replays/", "/api/v1/%00", "/livez/x"] {
        site.problem(path, 404).await;
    }
    site.close().await;
}

#[tokio::test]
async fn only_get_and_head_are_answered() {
    let site = Site::with(ROWS).await;
    let client = http();
    for path in [format!("{AUTOMATION}/status"), "/livez".into(), "/openapi.json".into()] {
        let refused = client.post(format!("{}{path}", site.base)).send().await.unwrap();
        assert_eq!(refused.status(), 405, "{path}");
        assert_eq!(refused.headers()["allow"], "GET,HEAD", "{path}");
        assert_eq!(refused.headers()["content-type"], "application/problem+json");
        let head = client.head(format!("{}{path}", site.base)).send().await.unwrap();
        assert_eq!(head.status(), 200, "{path}");
        assert_eq!(head.headers()["x-content-type-options"], "nosniff");
        assert_eq!(head.text().await.unwrap(), "");
    }
    site.close().await;
}

#[tokio::test]
async fn an_empty_database_gives_empty_answers_and_none_at_all_503() {
    let site = Site::with("").await;
    assert_eq!(site.json(&format!("{AUTOMATION}/status")).await, json!({"replay": null, "alerts": null}));
    assert_eq!(site.json(&format!("{AUTOMATION}/backlog")).await["scheduledBacklog"], json!(0));
    assert_eq!(site.json(&format!("{AUTOMATION}/snapshot")).await["providers"], json!([]));
    assert_eq!(site.json(&format!("{FULFILLMENT}/replays")).await, json!({"items": [], "nextCursor": null}));
    let jsonl = site.get(&format!("{AUTOMATION}/runs/export?format=jsonl")).await;
    assert_eq!(jsonl.text().await.unwrap(), "");
    site.close().await;

    let away = Site::over("postgres://nobody@127.0.0.1:1/none", HttpSettings::default(), None).await;
    let response = away.get(&format!("{AUTOMATION}/status")).await;
    assert_eq!(response.headers()["retry-after"], "1");
    away.problem(&format!("{AUTOMATION}/runs/export?format=csv"), 503).await;
    assert_eq!(away.json("/livez").await, json!({"alive": true}));
    away.close().await;
}

#[tokio::test]
async fn an_export_holds_every_run_once_newest_first() {
    let site = Site::with(ROWS).await;
    let text = site.get(&format!("{AUTOMATION}/runs/export?format=jsonl")).await.text().await.unwrap();
    let runs: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(runs.len(), 121);
    assert_eq!(runs[0]["runType"], "alert");
    let times: Vec<&str> = runs.iter().map(|run| run["ranAt"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|newer, older| newer > older));
    let window = "format=jsonl&type=replay&from=2026-01-01T00:10:00Z&to=2026-01-01T00:12:00Z";
    let some = site.get(&format!("{AUTOMATION}/runs/export?{window}")).await.text().await.unwrap();
    assert_eq!(some.lines().count(), 2);
    let csv = site.get(&format!("{AUTOMATION}/runs/export?format=csv")).await.text().await.unwrap();
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 121);
    let summary: Value = serde_json::from_str(&rows[1][6]).unwrap();
    assert_eq!(summary["note"], "a, \"b\"");
    assert!(rows[1][6].contains("12345678901234567890123"));
    site.close().await;
}

#[tokio::test]
async fn an_export_that_is_not_complete_does_not_look_complete() {
    let site = Site::bounded(ROWS, HttpSettings { export_rows_max: 60, ..HttpSettings::default() }).await;
    let response = site.get(&format!("{AUTOMATION}/runs/export?format=jsonl")).await;
    assert_eq!(response.status(), 200);
    assert!(response.text().await.is_err(), "the transfer is broken off");
    // Clients that leave early give their place back.
    for _ in 0..20 {
        let status = site.get(&format!("{AUTOMATION}/runs/export?format=csv")).await.status();
        assert!(status == 200 || status == 503, "{status}");
    }
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(site.get(&format!("{AUTOMATION}/runs/export?format=csv")).await.status(), 200);
    site.close().await;
}

#[tokio::test]
async fn requests_beyond_the_limit_are_refused_but_health_is_answered() {
    let site = Site::bounded("", HttpSettings { requests_max: 0, ..HttpSettings::default() }).await;
    site.problem(&format!("{AUTOMATION}/status"), 503).await;
    assert_eq!(site.get("/readyz").await.status(), 200);
    site.close().await;
}

#[tokio::test]
async fn the_server_ends_soon_after_it_is_told_to() {
    let site = Site::with("").await;
    let client = http();
    client.get(format!("{}/livez", site.base)).send().await.unwrap().text().await.unwrap();
    site.shutdown.cancel();
    let ended = tokio::time::timeout(std::time::Duration::from_secs(6), site.server).await;
    ended.expect("within the bound").unwrap().unwrap();
    assert!(client.get(format!("{}/livez", site.base)).send().await.is_err());
}

#[tokio::test]
async fn readyz_names_every_reason() {
    let site = Site::with("").await;
    site.readiness.raise(REDIS, Severity::Degraded, "Redis is away");
    let ready = site.json("/readyz").await;
    assert_eq!((&ready["ready"], &ready["degraded"][0]["name"]), (&json!(true), &json!("redis")));
    site.readiness.raise(KAFKA, Severity::Unready, "Kafka is away");
    let response = site.get("/readyz").await;
    assert_eq!(response.status(), 503);
    let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!(body["reasons"][0]["name"], "kafka");
    assert_eq!(body["reasons"][0]["detail"], "Kafka is away");
    site.close().await;
}

#[tokio::test]
async fn every_answer_is_as_the_openapi_document_says() {
    let site = Site::with(ROWS).await;
    let document = site.json("/openapi.json").await;
    let described: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    let mut routes = ROUTES.to_vec();
    routes.sort_unstable();
    assert_eq!(described, routes);
    for route in ROUTES {
        let address = match route {
            route if route.ends_with("/export") => format!("{route}?format=jsonl"),
            route => address(route),
        };
        let response = site.get(&address).await;
        assert_eq!(response.status(), 200, "{address}");
        let content_type = response.headers()["content-type"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let described = &document["paths"][route]["get"]["responses"]["200"]["content"][&content_type]["schema"];
        assert!(described.is_object(), "{route} answers {content_type}, which is not described");
        let text = response.text().await.unwrap();
        match content_type.as_str() {
            "application/json" => valid(&document, described, &serde_json::from_str(&text).unwrap()),
            "application/x-ndjson" => {
                text.lines().for_each(|line| valid(&document, described, &serde_json::from_str(line).unwrap()));
            }
            _ => {}
        }
    }
    let unplaced = site.json(&format!("{FULFILLMENT}/provider-orders/{UNPLACED}")).await;
    valid(&document, &json!({"$ref": "#/components/schemas/OrderAnswer"}), &unplaced);
    let problem = site.problem("/api/v1/fulfillment/replays?x=1", 400).await;
    valid(&document, &json!({"$ref": "#/components/schemas/Problem"}), &problem);
    site.close().await;
}

/// A route with an id that is there.
fn address(route: &str) -> String {
    let id = if route.contains("dead-letters") { "1" } else { ORDER };
    route.replace("{id}", id)
}

fn valid(document: &Value, schema: &Value, answer: &Value) {
    let mut schema = schema.clone();
    schema["components"] = document["components"].clone();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(answer).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:?} in {answer}");
}
