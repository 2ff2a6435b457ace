//! Dead letters over HTTP: found, paged, and shown as far as they can be.

use serde_json::{Value, json};
use uuid::Uuid;

use super::site::{AUTOMATION, Site};
use super::{ROWS, valid, walk};
use crate::support::events::{Event, placed};

/// Ids 2 to 6 of the order: an event that breaks a rule, one that is cut, a conflict, one that was redriven and one of
/// two megabytes.
fn rows(order: Uuid) -> String {
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    let event = Event::new(order, 0, placed("p1")).single_object();
    let (whole, cut) = (hex(&event), hex(&event[..event.len() - 3]));
    let upper = order.to_string().to_uppercase();
    format!(
        r#"{ROWS}
        insert into gen_1.dead_letters (id, topic, partition, "offset", key, value, headers, reason, detail,
            first_seen_at, redriven_at, redriven_as, provider_order_id, sequence, event_id) values
        (2, 'provider-orders', 1, 1, '{upper}', '\x{whole}', '[]', 'invalid', 'd', '2026-02-01Z', null, null, null, null, null),
        (3, 'provider-orders', 1, 2, '{order}', '\x{cut}', '[]', 'malformed', 'd', '2026-02-02Z', null, null, null, null, null),
        (4, 'provider-orders', 2, 3, null, null, '[]', 'sequence_conflict', 'd', '2026-02-03Z', null, null, '{order}', 1,
            gen_random_uuid()),
        (5, 'provider-orders', 2, 4, '{order}', '\x0000000007', '[]', 'schema_unknown', 'd', '2026-02-04Z',
            '2026-02-05Z', 'applied', null, null, null),
        (6, 'automation-runs', 0, 5, '\xff', decode(repeat('00', 2000000), 'hex'), '[]', 'too_large', 'd', '2026-02-06Z',
            null, null, null, null, null);"#
    )
}

#[tokio::test]
async fn dead_letters_are_filtered_counted_and_walked_by_cursor() {
    let (order, list) = (Uuid::now_v7(), format!("{AUTOMATION}/dead-letters"));
    let site = Site::with(&rows(order)).await;
    let ids = async |query: &str| walk(&site, &list, query, "id").await.join(" ");
    assert_eq!(ids("limit=2").await, "6 4 3 2 1");
    assert_eq!(ids("limit=1&state=all").await, "6 5 4 3 2 1");
    assert_eq!(ids("reason=malformed").await, "3 1");
    assert_eq!(ids("topic=automation-runs").await, "6");
    assert_eq!(ids("topic=provider-orders&partition=1").await, "3 2");
    assert_eq!(ids(&format!("orderId={order}&state=all&limit=1")).await, "5 4 3 2");
    assert_eq!(ids("since=2026-02-02T00:00:00Z&until=2026-02-03T00:00:00Z").await, "3");
    let page = site.json(&format!("{list}?reason=invalid")).await;
    let open = json!({"invalid": 1, "malformed": 2, "sequence_conflict": 1, "too_large": 1, "key_mismatch": 0,
        "schema_unknown": 0, "schema_incompatible": 0});
    assert_eq!(page["open"], json!({"total": 5, "byReason": open, "oldestAt": "2026-02-01T00:00:00.000000+00:00"}));
    let redriven = site.json(&format!("{list}?reason=schema_unknown&state=all")).await;
    assert_eq!(redriven["items"][0]["redrivenAs"], "applied");
    for (query, parameter) in [
        ("reason=bad", "reason"),
        ("partition=-1", "partition"),
        ("partition=x", "partition"),
        ("since=now", "since"),
        ("orderId=17", "orderId"),
        ("state=closed", "state"),
        ("limit=101", "limit"),
        ("cursor=e30", "cursor"),
        ("all=1", "all"),
    ] {
        assert_eq!(site.problem(&format!("{list}?{query}"), 400).await["parameter"], parameter, "{query}");
    }
    site.close().await;
}

#[tokio::test]
async fn a_dead_letter_is_shown_in_full_as_far_as_it_can_be() {
    let site = Site::with(&rows(Uuid::now_v7())).await;
    let document = site.json("/openapi.json").await;
    let show = async |id: u32| {
        let shown = site.json(&format!("{AUTOMATION}/dead-letters/{id}")).await;
        valid(&document, &json!({"$ref": "#/components/schemas/DeadLetterDetail"}), &shown);
        shown
    };
    let shown = show(1).await;
    assert_eq!((&shown["keyText"], &shown["traceparent"]), (&json!("k"), &json!("00-01")));
    assert_eq!(shown["headers"][1], json!({"key": "none", "value": null, "text": null}));
    assert!(shown["decoded"]["problem"].as_str().unwrap().contains("neither 00"));
    let shown = show(2).await;
    assert_eq!(shown["decoded"]["fingerprint"], "169b606378a754b0");
    assert_eq!(shown["decoded"]["record"]["payload"]["OrderPlaced"]["provider_id"], "p1");
    assert_eq!(shown["decoded"]["problem"], Value::Null);
    let shown = show(3).await;
    assert!(shown["decoded"]["problem"].as_str().unwrap().contains("at byte"), "{shown}");
    assert_eq!(shown["decoded"]["record"]["sequence"], json!(0));
    assert_eq!(show(4).await["value"], Value::Null);
    let shown = show(5).await;
    assert_eq!((&shown["decoded"]["schemaId"], &shown["decoded"]["record"]), (&json!(7), &Value::Null));
    let shown = show(6).await;
    assert_eq!((&shown["value"], &shown["deadLetter"]["valueBytes"]), (&Value::Null, &json!(2_000_000)));
    assert!(shown["decoded"]["problem"].as_str().unwrap().contains("2000000 bytes"), "{shown}");
    for id in ["x", "-1", "99999999999999999999", "%FF"] {
        assert_eq!(site.problem(&format!("{AUTOMATION}/dead-letters/{id}"), 400).await["parameter"], "id");
    }
    site.problem(&format!("{AUTOMATION}/dead-letters/4711"), 404).await;
    site.problem(&format!("{AUTOMATION}/dead-letters/1?x=1"), 400).await;
    site.close().await;
}
