//! What a verification came to stays in the database, and is shown wherever somebody would look for it.

use serde_json::Value;

use crate::operate::log::{execute, folded, publish, stack};
use crate::support::views::{metric, readyz, readyz_says};
use crate::support::{PATIENCE, Running, Stack, eventually};

const SUCCESS: &str = "foldback_verify_last_success_timestamp_seconds ";
const DIFFERENCES: &str = "foldback_verify_differences ";
const TAMPER: &str = "update gen_1.provider_orders set amount = amount + 1 where amount is not null";
const MEND: &str = "update gen_1.provider_orders set amount = amount - 1 where amount is not null";

/// `verifiedAt` of `status`, after its newest verification is this.
async fn verified_at(stack: &Stack, result: &str, percent: f64) -> Value {
    let status = stack.foldback(&["status", "--json"]).await.exits(0).json();
    let last = &status["lastVerification"];
    assert_eq!((last["result"].as_str(), last["percent"].as_f64()), (Some(result), Some(percent)), "{status:#}");
    assert!(last["startedBy"].as_str().unwrap().starts_with("verify"), "{last}");
    assert_eq!(last["checkpoints"].as_array().unwrap().len(), 4, "the positions that it holds for: {last}");
    status["verifiedAt"].clone()
}

/// Waits until the leader shows this number.
async fn shows(running: &Running, series: &str, expected: Option<f64>) {
    eventually(PATIENCE, || async {
        // Nothing is shown before the views are read.
        metric(running, "foldback_orders_with_gaps ").await.ok_or("no leader yet")?;
        let shown = metric(running, series).await;
        if shown == expected { Ok(()) } else { Err(format!("{series}{shown:?} instead of {expected:?}")) }
    })
    .await;
}

fn seconds(time: &Value) -> Option<f64> {
    let time = chrono::DateTime::parse_from_rfc3339(time.as_str()?).unwrap();
    Some(time.timestamp_micros() as f64 / 1e6)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_is_loud_and_leaves_the_last_success_where_it_was() {
    let stack = stack().await;
    publish(&stack, 300, 5).await;
    let running = stack.run().await;
    folded(&stack, 1).await;
    shows(&running, SUCCESS, None).await;
    stack.foldback(&["verify"]).await.exits(0);
    let proved = verified_at(&stack, "equal", 100.0).await;
    shows(&running, SUCCESS, seconds(&proved)).await;
    shows(&running, DIFFERENCES, Some(0.0)).await;

    execute(&mut stack.postgres().await, TAMPER).await;
    let found = stack.foldback(&["verify", "--json"]).await.exits(3).json()["differencesFound"].as_f64();
    assert_eq!(verified_at(&stack, "different", 100.0).await, proved);
    shows(&running, DIFFERENCES, found).await;
    shows(&running, SUCCESS, seconds(&proved)).await;
    // Wrong views are not mended by a restart.
    readyz_says(&running, PATIENCE, 200, "differences between generation 1 and the log").await;
    let text = stack.foldback(&["status"]).await.exits(0).stdout;
    assert!(text.contains("DIFFERENCES at"), "{text}");

    // A sample proves nothing about the rest.
    execute(&mut stack.postgres().await, MEND).await;
    stack.foldback(&["verify", "--sample", "50"]).await.exits(0);
    assert_eq!(verified_at(&stack, "equal", 50.0).await, proved);
    shows(&running, "foldback_verify_last_run_timestamp_seconds{result=\"equal\"}", {
        let status = stack.foldback(&["status", "--json"]).await.exits(0).json();
        seconds(&status["lastVerification"]["finishedAt"])
    })
    .await;
    assert_eq!(metric(&running, DIFFERENCES).await, found);

    stack.foldback(&["verify"]).await.exits(0);
    let proved_again = verified_at(&stack, "equal", 100.0).await;
    assert!(seconds(&proved_again) > seconds(&proved));
    shows(&running, SUCCESS, seconds(&proved_again)).await;
    shows(&running, DIFFERENCES, Some(0.0)).await;
    assert!(!readyz(&running).await.1.to_string().contains("differences"));
    running.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proof_is_that_of_the_generation_that_is_shown() {
    let stack = stack().await;
    publish(&stack, 300, 6).await;
    let running = stack.run().await;
    folded(&stack, 1).await;
    stack.foldback(&["verify"]).await.exits(0);
    let proved = verified_at(&stack, "equal", 100.0).await;
    shows(&running, SUCCESS, seconds(&proved)).await;
    stack.foldback(&["rebuild", "--yes", "--verify", "sample"]).await.exits(0);
    shows(&running, "foldback_live_generation ", Some(2.0)).await;
    shows(&running, SUCCESS, None).await;
    shows(&running, DIFFERENCES, Some(0.0)).await;
    let path = "/api/v1/fulfillment/providers/automation/generations";
    let generations = running.json(path).await["generations"].clone();
    assert_eq!((&generations[0]["verifiedAt"], &generations[1]["verifiedAt"]), (&proved, &Value::Null));
    let checked = &generations[1]["lastVerification"];
    assert_eq!(checked["result"], "equal", "the check of the rebuild: {checked}");
    assert!(checked["startedBy"].as_str().unwrap().starts_with("rebuild"), "{checked}");
    let listed = stack.foldback(&["generations", "list", "--json"]).await.exits(0).json();
    assert_eq!(listed[1]["lastVerification"], *checked);

    stack.foldback(&["generations", "rollback", "--yes"]).await.exits(0);
    shows(&running, SUCCESS, seconds(&proved)).await;
    stack.foldback(&["rebuild", "--yes", "--verify", "full"]).await.exits(0);
    let listed = stack.foldback(&["generations", "list", "--json"]).await.exits(0).json();
    let proof = listed.as_array().unwrap().iter().find(|each| each["state"] == "live").unwrap();
    assert_eq!(proof["verifiedAt"], proof["lastVerification"]["finishedAt"], "{proof:#}");
    shows(&running, SUCCESS, seconds(&proof["verifiedAt"])).await;
    running.terminate().await;
}

/// The newest hundred of a generation, and the proof however old it is.
#[tokio::test(flavor = "multi_thread")]
async fn old_verifications_are_forgotten_but_not_the_proof() {
    let stack = stack().await;
    publish(&stack, 20, 7).await;
    let running = stack.run().await;
    folded(&stack, 1).await;
    running.terminate().await;
    let rows =
        "insert into foldback.verifications (generation, projection_version, binary_version, started_by, started_at,
                    per_million, finished_at, result)
                select 1, 1, 'x', 'test', now(), 1000000, now(), case n when 1 then 'equal' else 'failed' end
                  from generate_series(1, 150) n";
    execute(&mut stack.postgres().await, rows).await;
    execute(&mut stack.postgres().await, TAMPER).await;
    stack.foldback(&["verify"]).await.exits(3);
    let kept = "select count(*) || ' ' || min(id) || ' ' || max(id) from foldback.verifications";
    let kept: String = sqlx::query_scalar(kept).fetch_one(&mut stack.postgres().await).await.unwrap();
    assert_eq!(kept, "101 1 151");
    assert_ne!(verified_at(&stack, "different", 100.0).await, Value::Null);
}
