use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use reqwest::StatusCode;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::http;

/// The real registry, by way of somebody who may say something else.
pub struct LyingRegistry {
    url: String,
    says: Arc<AtomicU8>,
    task: JoinHandle<()>,
}

/// What is answered in place of the registry's own answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Lie {
    None,
    /// No schema has that id.
    NotFound,
    ServerError,
    /// 200, and no JSON.
    Garbage,
    /// 200, and JSON of something else.
    Empty,
    /// 200, and a schema of something else.
    OtherSchema,
    Unauthorized,
}

pub const LIES: [Lie; 6] =
    [Lie::NotFound, Lie::ServerError, Lie::Garbage, Lie::Empty, Lie::OtherSchema, Lie::Unauthorized];

#[derive(Clone)]
struct Behind {
    target: String,
    says: Arc<AtomicU8>,
    client: reqwest::Client,
}

impl LyingRegistry {
    pub async fn before(target: &str) -> Self {
        let says = Arc::new(AtomicU8::new(Lie::None as u8));
        let behind = Behind { target: target.to_owned(), says: says.clone(), client: http() };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let path = reqwest::Url::parse(target).expect("a URL").path().trim_end_matches('/').to_owned();
        let url = format!("http://{}{path}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(behind);
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { url, says, task }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn say(&self, lie: Lie) {
        self.says.store(lie as u8, Ordering::SeqCst);
    }
}

impl Drop for LyingRegistry {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(behind): State<Behind>, request: Request) -> Response {
    let said = behind.says.load(Ordering::SeqCst);
    match LIES.into_iter().find(|lie| *lie as u8 == said) {
        None => forward(&behind, request).await,
        Some(Lie::None | Lie::NotFound) => {
            (StatusCode::NOT_FOUND, r#"{"error_code":40403,"message":"Schema not found"}"#).into_response()
        }
        Some(Lie::ServerError) => (StatusCode::INTERNAL_SERVER_ERROR, "no").into_response(),
        Some(Lie::Garbage) => "<html>Welcome</html>".into_response(),
        Some(Lie::Empty) => "{}".into_response(),
        Some(Lie::OtherSchema) => r#"{"schema":"\"string\""}"#.into_response(),
        Some(Lie::Unauthorized) => (StatusCode::UNAUTHORIZED, "who are you?").into_response(),
    }
}

async fn forward(behind: &Behind, request: Request) -> Response {
    let base = reqwest::Url::parse(&behind.target).expect("a URL");
    let mut url = base;
    url.set_path(request.uri().path());
    url.set_query(request.uri().query());
    let Ok(response) = behind.client.get(url).send().await else { return StatusCode::BAD_GATEWAY.into_response() };
    let (status, body) = (response.status(), response.bytes().await.unwrap_or_default());
    (status, body).into_response()
}
