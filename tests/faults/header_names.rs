//! Kafka lets a publisher name a header by any bytes.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::process::Command;

use sqlx::{AssertSqlSafe, Connection};
use uuid::Uuid;

use crate::support::PATIENCE;
use crate::support::Stack;
use crate::support::events::{Event, placed};
use crate::support::log::Log;
use crate::support::views::{dead_letters, folded, history, migrated};

/// By kcat, since the crate's own producer takes no such name.
fn write_with_header(stack: &Stack, key: &str, value: &[u8]) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), value).unwrap();
    let header = OsString::from_vec(b"X-Kund\xe4=\xff\xfe".to_vec());
    let status = Command::new("kcat")
        .args(["-P", "-b", &stack.servers.kafka, "-t", &stack.orders_topic, "-p", "0", "-k", key, "-H"])
        .arg(header)
        .arg(file.path())
        .status()
        .expect("kcat is installed by dev/test");
    assert!(status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_whose_name_is_not_utf_8_stops_nothing() {
    let stack = migrated().await;
    let placed_by = |provider| Event::new(Uuid::now_v7(), 1, placed(provider));
    let log = Log::of(&stack);
    log.write_to(vec![(0, placed_by("p1"))]).await;
    let good = placed_by("p2");
    write_with_header(&stack, &good.order.to_string(), &good.single_object());
    write_with_header(&stack, "refused", b"\x07 is no framing");
    log.write_to(vec![(0, placed_by("p3"))]).await;

    let running = stack.run().await;
    folded(&stack, 4).await;
    assert_eq!((history(&stack).await, dead_letters(&stack).await), (3, 1));
    let sql = "select headers::text from foldback.dead_letters";
    let mut postgres = stack.postgres().await;
    let headers: String = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut postgres).await.unwrap();
    postgres.close().await.unwrap();
    assert!(headers.contains("X-Kund\u{fffd}") && headers.contains("//4="), "{headers}");
    running.ready(PATIENCE).await;

    stack.foldback(&["rebuild", "--yes"]).await.exits(0);
    assert_eq!((history(&stack).await, dead_letters(&stack).await), (3, 1));
    stack.foldback(&["verify"]).await.exits(0);
    running.terminate().await;
}
