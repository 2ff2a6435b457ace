//! A request's path and query, as the text after `GET`, through the whole router; over views that hold nothing.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use foldback::domain::generations::generation::GenerationInfo;
use foldback::domain::orders::telemetry::Telemetry;
use foldback::domain::timestamp::Timestamp;
use foldback::domain::views::gaps::{GapFilter, GapPage};
use foldback::domain::views::page::{OrderPage, OrderPlace, Page};
use foldback::domain::views::rows::{
    DeadLetterFilter, HistoryRow, OpenDeadLetters, ReplayFilter, ReplayKey, ReplayRow, RunFilter,
};
use foldback::observe::health::Readiness;
use foldback::serve::{
    App, BacklogView, DeadLetter, DeadLetterList, HttpSettings, Providers, RunHistory, RunStream, Status, ViewError,
    Views, router,
};
use futures::future::{BoxFuture, FutureExt, ready};
use futures::stream::StreamExt;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

use super::Target;

pub const QUERY: Target = Target { name: "query", run, per_byte: 64, at_least: 256 * 1024, words: WORDS };

const WORDS: &[&str] = &[
    "/api/v1/fulfillment/provider-orders/00000000-0000-0000-0000-000000000001",
    "/api/v1/fulfillment/providers/automation/dead-letters",
    "/api/v1/fulfillment/providers/automation/gaps",
    "/timeline",
    "?limit=",
    "&cursor=",
    "&orderId=",
    "&dueBefore=",
    "&providerId=",
    "&state=all",
    "format=csv",
    "%00",
    "%",
    "%ff%fe",
    "%ed%a0%80",
    "%C2%A0",
    "%D9%A3",
    "4611686018427387904",
    "-1",
    "2026-11-23T10:00:00Z",
    "eyJ2IjoxLCJsaXN0IjoiZGVhZC1sZXR0ZXJzIiwiYXQiOnsiaWQiOi05MjIzMzcyMDM2ODU0Nzc1ODA4fX0",
];

/// Longer ones are refused before they are parsed.
const REQUEST_BYTES_MAX: usize = 64 * 1024;

fn run(bytes: &[u8]) -> bool {
    let Ok(request) = Request::get(address(bytes)).body(Body::empty()) else { return false };
    let (status, content_type, body) = answered(request);
    if status.is_success() {
        return true;
    }
    assert!(status.is_client_error(), "{status}");
    assert_eq!(content_type, "application/problem+json");
    let problem: Value = serde_json::from_slice(&body).expect("a problem is JSON");
    let detail = problem["detail"].as_str().expect("it has a sentence");
    assert!(detail.ends_with('.') && detail.contains(' '), "{detail}");
    false
}

/// The bytes that stand in no address by themselves are percent-encoded.
fn address(bytes: &[u8]) -> String {
    let mut address = String::new();
    if bytes.first() != Some(&b'/') {
        address.push('/');
    }
    for byte in bytes.iter().take(REQUEST_BYTES_MAX / 3) {
        match byte {
            b'#' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => {
                address.push_str(&format!("%{byte:02X}"));
            }
            0x21..=0x7e => address.push(char::from(*byte)),
            _ => address.push_str(&format!("%{byte:02X}")),
        }
    }
    address
}

fn answered(request: Request<Body>) -> (StatusCode, String, Vec<u8>) {
    static RUNTIME: LazyLock<Runtime> =
        LazyLock::new(|| Builder::new_current_thread().enable_all().build().expect("a runtime"));
    static SERVICE: LazyLock<TowerToHyperService<Router>> = LazyLock::new(|| {
        let metrics = Arc::new(String::new);
        let app = App::new(Arc::new(Nothing), Readiness::default(), metrics, HttpSettings::default());
        TowerToHyperService::new(router(app))
    });
    RUNTIME.block_on(async {
        let response = SERVICE.call(request).await.expect("a router always answers");
        let content_type = response.headers().get("content-type").map(|value| value.to_str().expect("it is text"));
        let (status, content_type) = (response.status(), content_type.unwrap_or_default().to_owned());
        let body = to_bytes(Body::new(response.into_body()), usize::MAX).await.expect("a body of ours");
        (status, content_type, body.to_vec())
    })
}

/// Views that check what they are asked, as Postgres would.
struct Nothing;

type Answer<'a, T> = BoxFuture<'a, Result<T, ViewError>>;

fn nothing<T: Send + 'static>(answer: T) -> Answer<'static, T> {
    ready(Ok(answer)).boxed()
}

fn as_of() -> Timestamp {
    Timestamp::from_micros(0).expect("1970 is a time")
}

fn text(text: Option<&String>) {
    assert!(text.is_none_or(|text| !text.contains('\0')), "Postgres stores no U+0000");
}

impl Views for Nothing {
    fn status(&self) -> Answer<'_, Status> {
        nothing(Status { replay: None, alerts: None })
    }

    fn history(&self, limit: u32) -> Answer<'_, RunHistory> {
        assert!((1..=100).contains(&limit));
        nothing(RunHistory { replay: Vec::new(), alerts: Vec::new(), is_cut: false })
    }

    fn providers(&self) -> Answer<'_, Providers> {
        let aggregated = Telemetry::default();
        nothing(Providers { aggregated, providers: Vec::new(), generation: 1, as_of: as_of() })
    }

    fn backlog(&self) -> Answer<'_, BacklogView> {
        nothing(BacklogView { providers: Vec::new(), generation: 1, as_of: as_of() })
    }

    fn generations(&self) -> Answer<'_, Vec<GenerationInfo>> {
        nothing(Vec::new())
    }

    fn export(&self, _: RunFilter) -> Answer<'_, RunStream> {
        nothing(futures::stream::empty().boxed())
    }

    fn order(&self, _: Uuid, _: OrderPlace, limit: u32) -> Answer<'_, Option<OrderPage>> {
        assert!((1..=500).contains(&limit));
        nothing(None)
    }

    fn timeline(&self, _: Uuid, _: i64, limit: u32) -> Answer<'_, Option<Page<HistoryRow>>> {
        assert!((1..=500).contains(&limit));
        nothing(Some(Page { rows: Vec::new(), more: false }))
    }

    fn replays(&self, filter: ReplayFilter, _: Option<ReplayKey>, limit: u32) -> Answer<'_, Page<ReplayRow>> {
        assert!((1..=100).contains(&limit));
        text(filter.provider_id.as_ref());
        nothing(Page { rows: Vec::new(), more: false })
    }

    fn dead_letters(&self, filter: DeadLetterFilter, _: Option<i64>, limit: u32) -> Answer<'_, DeadLetterList> {
        assert!((2..=101).contains(&limit));
        assert!(filter.partition.is_none_or(|partition| partition >= 0));
        text(filter.topic.as_ref());
        nothing(DeadLetterList { rows: Vec::new(), open: OpenDeadLetters::default() })
    }

    fn gaps(&self, _: GapFilter, _: Option<Uuid>, limit: u32) -> Answer<'_, GapPage> {
        assert!((1..=100).contains(&limit));
        nothing(GapPage { rows: Vec::new(), next_after: None })
    }

    fn dead_letter(&self, id: i64) -> Answer<'_, Option<DeadLetter>> {
        assert!(id >= 0);
        nothing(None)
    }
}
