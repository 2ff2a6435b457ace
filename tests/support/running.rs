use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::command::{binary, signal};
use super::eventually::eventually;
use super::{free_address, http};

const START_TIMEOUT: Duration = Duration::from_secs(30);
/// The promise of `foldback run`: drained and gone within ten seconds of a SIGTERM.
const TERMINATE_TIMEOUT: Duration = Duration::from_secs(10);

/// A `foldback run` process. Dropping it kills it.
pub struct Running {
    child: Child,
    /// `host:port` of its HTTP server.
    pub address: String,
    /// Where its standard output and error go.
    pub log_path: PathBuf,
    pub http: reqwest::Client,
}

impl Running {
    /// Starts it and waits for /livez; panics with the log where it ends or doesn't answer.
    pub async fn start(env: Vec<(String, String)>) -> Self {
        let mut running = Self::spawn(env);
        let end = Instant::now() + START_TIMEOUT;
        while running.get("/livez").await.is_none_or(|response| !response.status().is_success()) {
            if let Some(status) = running.exited() {
                panic!("foldback run ended with {status}:\n{}", running.log());
            }
            assert!(Instant::now() < end, "no /livez within {START_TIMEOUT:?}:\n{}", running.log());
            sleep(Duration::from_millis(50)).await;
        }
        running
    }

    /// Starts it without waiting, for tests of a start that must fail or hang.
    pub fn spawn(mut env: Vec<(String, String)>) -> Self {
        let address = free_address();
        env.push(("FOLDBACK__HTTP__LISTEN".to_owned(), address.clone()));
        let log_path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("foldback-{}.log", Uuid::now_v7()));
        let log = File::create(&log_path).expect("a log file");
        let mut command = binary(&["run"], &env);
        command.stdout(Stdio::from(log.try_clone().unwrap())).stderr(Stdio::from(log));
        Self { child: command.spawn().expect("foldback starts"), address, log_path, http: http() }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// None where nothing answers.
    pub async fn get(&self, path: &str) -> Option<reqwest::Response> {
        self.http.get(self.url(path)).timeout(Duration::from_secs(10)).send().await.ok()
    }

    /// The JSON of a successful answer; panics with status and body otherwise.
    pub async fn json(&self, path: &str) -> serde_json::Value {
        let response = self.get(path).await.unwrap_or_else(|| panic!("no answer to {path}:\n{}", self.log()));
        let status = response.status();
        let body = response.text().await.unwrap();
        assert!(status.is_success(), "{path} gave {status}: {body}");
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error} in {body}"))
    }

    /// The text of /metrics.
    pub async fn metrics(&self) -> String {
        self.get("/metrics").await.expect("metrics answer").text().await.unwrap()
    }

    /// Waits until /readyz says yes.
    pub async fn ready(&self, timeout: Duration) {
        eventually(timeout, || async {
            let response = self.get("/readyz").await.ok_or_else(|| "no answer".to_owned())?;
            if response.status().is_success() { Ok(()) } else { Err(response.text().await.unwrap_or_default()) }
        })
        .await;
    }

    /// SIGTERM; panics unless it ends with 0 within ten seconds.
    pub async fn terminate(mut self) {
        signal(self.child.id(), "TERM");
        let end = Instant::now() + TERMINATE_TIMEOUT;
        let status = loop {
            if let Some(status) = self.exited() {
                break status;
            }
            assert!(Instant::now() < end, "still there {TERMINATE_TIMEOUT:?} after SIGTERM:\n{}", self.log());
            sleep(Duration::from_millis(20)).await;
        };
        assert!(status.success(), "ended with {status} after SIGTERM:\n{}", self.log());
    }

    /// Sends a signal and waits for nothing.
    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// SIGKILL, as a crash.
    pub fn kill(mut self) {
        self.end();
    }

    /// How it ended, if it did.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("own child can be asked")
    }

    /// Everything it wrote so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log_path).unwrap_or_default()
    }

    fn end(&mut self) {
        // Fails only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}
