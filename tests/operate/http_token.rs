//! The tokens of HTTP in the process: rotated without a restart, told when that fails, and sent by `verify`.

use std::path::Path;

use crate::operate::log::stack;
use crate::support::{PATIENCE, Running, eventually};

const OLD: &str = "old-0123456789abcdef";
const NEW: &str = "new-0123456789abcdef";

/// As Kubernetes does: the path names another file from one moment to the next.
fn put(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(beside, path).unwrap();
}

async fn status(running: &Running, token: &str) -> u16 {
    let request = running.http.get(running.url("/metrics")).bearer_auth(token);
    request.send().await.unwrap().status().as_u16()
}

async fn becomes(running: &Running, token: &str, expected: u16) {
    eventually(PATIENCE, || async {
        let found = status(running, token).await;
        (found == expected).then_some(()).ok_or(format!("{found} for {token}"))
    })
    .await;
}

async fn metrics(running: &Running, token: &str) -> String {
    running.http.get(running.url("/metrics")).bearer_auth(token).send().await.unwrap().text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_rotated_without_a_restart() {
    let stack = stack().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens");
    put(&path, &format!("{OLD}\n"));
    let file = ("FOLDBACK__HTTP__TOKEN_FILE", path.to_str().unwrap());
    let running = stack.run_with(&[file]).await;
    running.ready(PATIENCE).await;
    assert_eq!((status(&running, OLD).await, status(&running, NEW).await), (200, 401));

    put(&path, &format!("{NEW}\n{OLD}\n"));
    becomes(&running, NEW, 200).await;
    assert_eq!(status(&running, OLD).await, 200, "both hold");
    put(&path, NEW);
    becomes(&running, OLD, 401).await;
    assert_eq!(status(&running, NEW).await, 200);

    for spoilt in [Some(""), Some("short\n"), None] {
        match spoilt {
            Some(text) => put(&path, text),
            None => std::fs::remove_file(&path).unwrap(),
        }
        eventually(PATIENCE, || async {
            let readiness = running.json("/readyz").await;
            let degraded = readiness["degraded"].to_string();
            degraded.contains("http.token_file: the file").then_some(()).ok_or(degraded)
        })
        .await;
        assert_eq!(status(&running, NEW).await, 200, "the last ones hold");
        assert!(
            metrics(&running, NEW).await.contains("foldback_condition{name=\"http_token\",severity=\"degraded\"} 1")
        );
        put(&path, NEW);
        eventually(PATIENCE, || async {
            let degraded = running.json("/readyz").await["degraded"].to_string();
            if degraded.contains("http_token") { Err(degraded) } else { Ok(()) }
        })
        .await;
    }
    assert!(metrics(&running, NEW).await.contains("foldback_http_requests_total{status=\"401\"} "));
    let log = running.log();
    assert!(log.contains("http.token_file has changed") && log.contains("degraded: http.token_file"), "{log}");
    assert!(!log.contains(OLD) && !log.contains(NEW) && !log.contains("reads everything"), "{log}");
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_sends_the_token_and_says_when_it_is_the_wrong_one() {
    let stack = stack().await;
    let running = stack.run_with(&[("FOLDBACK__HTTP__TOKEN", OLD)]).await;
    running.ready(PATIENCE).await;
    eventually(PATIENCE, || async {
        let text = metrics(&running, OLD).await;
        text.contains("foldback_publisher_leader 1").then_some(()).ok_or(text)
    })
    .await;
    let verify = ["verify", "--metrics-url", &running.url("")];
    let right = stack.foldback_with(&verify, &[("FOLDBACK__HTTP__TOKEN", OLD)]).await.exits(0).stdout;
    assert!(!right.contains("not checked: gauges"), "{right}");
    let wrong = stack.foldback_with(&verify, &[("FOLDBACK__HTTP__TOKEN", NEW)]).await.exits(0).stdout;
    assert!(wrong.contains("not checked: gauges: ") && wrong.contains("wants a token: set http.token"), "{wrong}");
    running.terminate().await;
}

/// The loopback address apart, it is told once where anybody may read everything.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_listens_for_everybody_without_a_token_is_told() {
    let stack = stack().await;
    let told = "http.token is not set: whoever reaches 0.0.0.0:";
    for (listen, token, is_told) in
        [("0.0.0.0:0", None, true), ("0.0.0.0:0", Some(OLD), false), ("127.0.0.1:0", None, false)]
    {
        let mut args = vec!["run", "--http-listen", listen];
        args.extend(["--log-level", "info"]);
        let token = token.map(|token| ("FOLDBACK__HTTP__TOKEN", token));
        let process = stack.start_with(&args, token.as_slice());
        eventually(PATIENCE, || async {
            let written = process.written();
            written.contains(" running ").then_some(()).ok_or(written)
        })
        .await;
        let written = process.kill().stderr;
        assert_eq!(written.matches(told).count(), usize::from(is_told), "{listen} {token:?}: {written}");
    }
}
