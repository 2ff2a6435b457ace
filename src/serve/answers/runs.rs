//! Status and its history.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::runs::run::Run;
use crate::domain::runs::status::status_payload;
use crate::serve::views::{RunHistory, Status};

type Payload = Map<String, Value>;

#[derive(Debug, Serialize)]
pub struct StatusAnswer {
    replay: Option<Payload>,
    alerts: Option<Payload>,
}

#[derive(Debug, Serialize)]
pub struct HistoryAnswer {
    replay: Vec<Payload>,
    alerts: Vec<Payload>,
}

impl From<Status> for StatusAnswer {
    fn from(status: Status) -> StatusAnswer {
        let payload = |run: Option<Run>| run.as_ref().map(status_payload);
        StatusAnswer { replay: payload(status.replay), alerts: payload(status.alerts) }
    }
}

impl From<RunHistory> for HistoryAnswer {
    fn from(history: RunHistory) -> HistoryAnswer {
        let payloads = |runs: Vec<Run>| runs.iter().map(status_payload).collect();
        HistoryAnswer { replay: payloads(history.replay), alerts: payloads(history.alerts) }
    }
}
