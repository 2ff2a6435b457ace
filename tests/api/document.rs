//! The OpenAPI document: whole, true, and changed only where a reviewer sees it.

use std::collections::BTreeSet;

use foldback::serve::{HttpSettings, router};
use serde_json::{Value, json};

use super::site::{Site, app};
use super::{ROUTES, ROWS, valid};

/// Nothing listens there: the document needs no database.
const NO_DATABASE: &str = "postgres://nobody@127.0.0.1:1/none";

async fn document() -> Value {
    let site = Site::over(NO_DATABASE, HttpSettings::default(), None).await;
    let document = site.json("/openapi.json").await;
    site.close().await;
    document
}

#[tokio::test]
async fn a_change_of_the_document_is_seen_in_review() {
    insta::assert_snapshot!("openapi", serde_json::to_string_pretty(&document().await).unwrap());
}

/// The router doesn't list its routes, but its `Debug` text holds them.
#[tokio::test]
async fn every_route_of_the_router_is_in_the_document_and_no_other() {
    let (app, _) = app(NO_DATABASE, HttpSettings::default());
    let text = format!("{:?}", router(app));
    let is_route = |text: &&str| text.starts_with('/') && !text.contains("__private__axum");
    let routes: BTreeSet<&str> = text.split('"').filter(is_route).collect();
    assert_eq!(routes, BTreeSet::from(ROUTES));
    let document = document().await;
    let described: BTreeSet<&str> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(routes, described);
}

/// utoipa collects the schemas of most types by itself, but not of all.
#[tokio::test]
async fn every_reference_leads_to_a_schema() {
    let document = document().await;
    let text = document.to_string();
    let names: BTreeSet<&str> =
        text.split("\"#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let missing: Vec<&&str> = names.iter().filter(|name| !schemas.contains_key(**name)).collect();
    assert!(names.len() > 20 && missing.is_empty(), "no schema {missing:?}");
}

#[tokio::test]
async fn every_field_is_explained_and_every_example_is_valid() {
    let document = document().await;
    let mut examples = 0;
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(schema["description"].is_string(), "{name} has no description");
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            let is_reference = property.get("$ref").is_some() || property.get("oneOf").is_some();
            let is_list = property["type"] == "array";
            assert!(
                property["description"].is_string() || is_reference || is_list,
                "{name}.{field} has no description"
            );
            for example in property["examples"].as_array().into_iter().flatten() {
                valid(&document, property, example);
                examples += 1;
            }
        }
    }
    assert!(examples > 60, "{examples} examples");
}

#[tokio::test]
async fn parameters_are_accepted_and_refused_as_the_document_says() {
    let site = Site::with(ROWS).await;
    let document = site.json("/openapi.json").await;
    let mut checked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let parameters: Vec<&Value> = item["get"]["parameters"].as_array().into_iter().flatten().collect();
        let (required, of_query): (Vec<&Value>, Vec<&Value>) = {
            let of_query: Vec<&Value> = parameters.iter().copied().filter(|one| one["in"] == "query").collect();
            (of_query.iter().copied().filter(|one| one["required"] == true).collect(), of_query)
        };
        let path = super::address(path);
        let others = |name: &str| -> String {
            let others = required.iter().filter(|one| one["name"] != name);
            others.map(|one| format!("&{}={}", text(&one["name"]), accepted(one)[0])).collect()
        };
        for parameter in of_query {
            let name = text(&parameter["name"]);
            for value in accepted(parameter) {
                let address = format!("{path}?{name}={value}{}", others(name));
                let response = site.get(&address).await;
                assert_eq!(response.status(), 200, "{address}");
                response.bytes().await.unwrap();
                checked += 1;
            }
            for value in refused(parameter) {
                let problem = site.problem(&format!("{path}?{name}={value}{}", others(name)), 400).await;
                assert_eq!(problem["parameter"], name, "{path} {value}");
                checked += 1;
            }
            if parameter["required"] == true {
                assert_eq!(site.problem(&path, 400).await["parameter"], name);
            }
            if let Some(default) = parameter["schema"].get("default") {
                let default = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
                assert_eq!(site.json(&path).await, site.json(&format!("{path}?{name}={default}")).await, "{path}");
            }
        }
    }
    assert!(checked >= 40, "{checked} values checked");
    site.close().await;
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Values at the edges of what the schema allows.
fn accepted(parameter: &Value) -> Vec<String> {
    let schema = &parameter["schema"];
    if let Some(choices) = schema["enum"].as_array() {
        return choices.iter().map(|choice| text(choice).to_owned()).collect();
    }
    match (&schema["type"], &schema["format"]) {
        (kind, _) if kind == "integer" => vec![schema["minimum"].to_string(), schema["maximum"].to_string()],
        (_, format) if format == "date-time" => vec![text(&parameter["example"]).to_owned()],
        _ => lengths(schema).map(|(min, max)| vec!["a".repeat(min), "ä".repeat(max)]).unwrap_or_default(),
    }
}

/// Values just beyond what the schema allows.
fn refused(parameter: &Value) -> Vec<String> {
    let schema = &parameter["schema"];
    if schema["enum"].is_array() {
        return vec!["other".into(), String::new()];
    }
    match (&schema["type"], &schema["format"]) {
        (kind, _) if kind == "integer" => {
            let bound = |name: &str| schema[name].as_i64().unwrap();
            vec![(bound("minimum") - 1).to_string(), (bound("maximum") + 1).to_string(), "1.5".into()]
        }
        (_, format) if format == "date-time" => vec!["yesterday".into(), "2026-11-23".into()],
        _ => lengths(schema).map(|(min, max)| vec!["a".repeat(min - 1), "a".repeat(max + 1)]).unwrap_or_default(),
    }
}

fn lengths(schema: &Value) -> Option<(usize, usize)> {
    let length = |name: &str| schema[name].as_u64().and_then(|length| usize::try_from(length).ok());
    Some((length("minLength")?, length("maxLength")?))
}

/// Codes that readers of enums rely on are those that foldback writes.
#[tokio::test]
async fn the_states_of_the_document_are_those_of_the_domain() {
    use foldback::domain::generations::generation::GenerationState;
    use foldback::domain::orders::replay::ReplayStatus;
    let document = document().await;
    let listed = |name: &str| document["components"]["schemas"][name]["enum"].clone();
    assert_eq!(listed("ReplayStatus"), json!(ReplayStatus::ALL.map(ReplayStatus::as_str)));
    assert_eq!(listed("GenerationState"), json!(GenerationState::ALL.map(GenerationState::as_str)));
    for code in listed("RunStatus").as_array().unwrap() {
        assert!(foldback::domain::runs::run::RunStatus::parse(text(code)).is_some(), "{code}");
    }
    for code in listed("GuardrailStatus").as_array().unwrap() {
        assert!(foldback::domain::orders::guardrail::GuardrailStatus::parse(text(code)).is_some(), "{code}");
    }
}
