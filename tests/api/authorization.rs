//! Who is answered where tokens are set: whoever holds one, on every path but those of health.

use foldback::config::Config;
use foldback::serve::{HttpSettings, Tokens};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::site::{AUTOMATION, Site};
use super::{ROUTES, ROWS, address};
use crate::support::http;

const OLD: &str = "old-0123456789abcdef";
const NEW: &str = "new-0123456789abcdef";
const OPEN: [&str; 2] = ["/livez", "/readyz"];

async fn guarded() -> Site {
    let config = Config::from_toml("test", &format!("[http]\ntoken = \"{OLD}\\n{NEW}\"")).unwrap();
    let tokens = Tokens::new(config.http.tokens.unwrap().tokens);
    Site::bounded(ROWS, HttpSettings { tokens: Some(tokens), ..HttpSettings::default() }).await
}

async fn ask(site: &Site, method: Method, path: &str, authorization: Option<&str>) -> Response {
    let mut request = http().request(method, format!("{}{path}", site.base));
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    request.send().await.unwrap()
}

#[tokio::test]
async fn every_path_but_those_of_health_wants_a_token() {
    let site = guarded().await;
    let paths = ROUTES.iter().map(|route| address(route)).chain(["/nowhere".into(), "/livez/".into()]);
    for path in paths.filter(|path| !OPEN.contains(&path.as_str())) {
        for authorization in [None, Some("Bearer wrong-0123456789abcdef"), Some("Basic old-0123456789abcdef")] {
            for method in [Method::GET, Method::HEAD, Method::POST, Method::OPTIONS] {
                let response = ask(&site, method.clone(), &path, authorization).await;
                let headers = response.headers();
                assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{method} {path} {authorization:?}");
                assert_eq!(headers["www-authenticate"], "Bearer", "{path}");
                assert_eq!(headers["content-type"], "application/problem+json", "{path}");
                assert!(!headers.contains_key("set-cookie") && !headers.contains_key("access-control-allow-origin"));
            }
        }
        for token in [OLD, NEW] {
            let response = ask(&site, Method::GET, &path, Some(&format!("Bearer {token}"))).await;
            assert_ne!(response.status(), StatusCode::UNAUTHORIZED, "{path} with {token}");
        }
    }
    for path in OPEN {
        assert_eq!(ask(&site, Method::GET, path, None).await.status(), StatusCode::OK, "{path}");
    }
    site.close().await;
}

#[tokio::test]
async fn the_document_says_which_paths_are_open() {
    let site = guarded().await;
    let response = ask(&site, Method::GET, "/openapi.json", Some(&format!("Bearer {NEW}"))).await;
    let document: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!(document["security"], json!([{"token": []}]));
    assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    for (path, item) in document["paths"].as_object().unwrap() {
        let is_open = OPEN.contains(&path.as_str());
        let operation = &item["get"];
        assert_eq!(operation["security"], if is_open { json!([{}]) } else { Value::Null }, "{path}");
        assert_eq!(operation["responses"]["401"].is_object(), !is_open, "{path}");
    }
    site.close().await;
}

#[tokio::test]
async fn a_token_in_the_query_string_opens_nothing_and_is_not_repeated() {
    let site = guarded().await;
    for name in ["access_token", "token"] {
        let path = format!("{AUTOMATION}/status?{name}={OLD}");
        let response = ask(&site, Method::GET, &path, None).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert!(!response.text().await.unwrap().contains(OLD));
        let response = ask(&site, Method::GET, &path, Some(&format!("Bearer {NEW}"))).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{path}");
        assert!(!response.text().await.unwrap().contains(OLD));
    }
    site.close().await;
}
