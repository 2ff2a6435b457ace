//! Which reports of a run are refused is a matter of each report alone.

use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};
use serde_json::json;
use uuid::Uuid;

use crate::operate::log::{folded, stack};
use crate::support::encode::Encoder;
use crate::support::{PATIENCE, Stack};

const SCHEMA: &str = include_str!("../../schemas/automation-run-event.avsc");
const SINGLE_OBJECT: [u8; 10] = [0xC3, 0x01, 0x82, 0x4a, 0x10, 0x5b, 0xc2, 0xe6, 0x5e, 0x87];

/// Reports of one run; a bad one has a number that Postgres can't hold.
async fn report(stack: &Stack, revisions: &[(i32, bool)]) {
    let producer: FutureProducer =
        ClientConfig::new().set("bootstrap.servers", &stack.servers.kafka).create().expect("a producer");
    let (encoder, run) = (Encoder::new(serde_json::from_str(SCHEMA).unwrap()), Uuid::now_v7());
    for (revision, is_bad) in revisions {
        let datum = json!({"event_id": Uuid::now_v7(), "run_id": run, "revision": revision, "run_type": "REPLAY",
            "status": "SUCCESS", "ran_at": 1_700_000_000_000_000_i64, "metadata": "{}",
            "summary": if *is_bad { r#"{"processed":1e200000}"# } else { r#"{"processed":1}"# }});
        let value = [SINGLE_OBJECT.to_vec(), encoder.encode(&datum)].concat();
        let key = run.to_string();
        let sent = producer.send(FutureRecord::to(&stack.runs_topic).partition(0).key(&key).payload(&value), PATIENCE);
        sent.await.map_err(|(error, _)| error).expect("delivered");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn which_reports_are_refused_does_not_depend_on_how_the_log_is_cut() {
    for records_max in ["1", "1000"] {
        let stack = stack().await;
        report(&stack, &[(1, true), (2, false)]).await;
        report(&stack, &[(2, false), (1, true)]).await;
        report(&stack, &[(1, false), (2, true)]).await;
        let more = [("FOLDBACK__BATCH__RECORDS_MAX", records_max), ("FOLDBACK__BATCH__LINGER_MS", "500")];
        let running = stack.run_with(&more).await;
        folded(&stack, 1).await;
        running.terminate().await;
        let offsets = "select array_agg(\"offset\" order by \"offset\") from foldback.dead_letters
                        where reason = 'invalid'";
        let offsets: Vec<i64> = sqlx::query_scalar(offsets).fetch_one(&mut stack.postgres().await).await.unwrap();
        assert_eq!(offsets, [0, 3, 5], "{records_max} records a batch");
    }
}
