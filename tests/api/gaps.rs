//! Gaps over HTTP: paged, filtered, and bounded however many there are.

use serde_json::{Value, json};

use super::site::{AUTOMATION, Site};
use super::{ORDER, ROWS, UNPLACED, valid, walk};

/// 4,500 more orders that miss their first event, known since 2026, but for the last one, known since 2020; of the last but
/// one every second event is missing, and its records have no timestamp.
const MANY: &str = "
    insert into gen_1.provider_orders (provider_order_id, service_rules, guardrail_status, last_event_at, last_sequence,
        missing_events, fold_version, fold_seen, fold_registers)
    select lpad(n::text, 32, '1')::uuid, '[]', 'idle', '2026-01-03Z', 2, 1, 1, '{2,2}', '{0,0,0,0,0,0,0,0}'
      from generate_series(10001, 14500) n;
    update gen_1.provider_orders set last_sequence = 300, missing_events = 150,
           fold_seen = (select array_agg(n / 2 * 2 order by n) from generate_series(2, 301) n)
     where provider_order_id = lpad('14499', 32, '1')::uuid;
    insert into gen_1.provider_order_events (provider_order_id, sequence, event_id, event_type, occurred_at, payload, topic,
        partition, \"offset\", recorded_at)
    select lpad(n::text, 32, '1')::uuid, 2, gen_random_uuid(), 'order_cancelled', '2026-01-03Z', '{}', 't', 0, n,
           case n when 14500 then '2020-01-01Z' when 14499 then null else '2026-01-03Z' end::timestamptz
      from generate_series(10001, 14500) n;";

async fn ids(site: &Site, query: &str) -> Vec<String> {
    walk(site, &format!("{AUTOMATION}/gaps"), query, "providerOrderId").await
}

fn quoted(id: &str) -> String {
    format!("\"{id}\"")
}

#[tokio::test]
async fn gaps_are_filtered_and_walked_by_cursor() {
    let site = Site::with(ROWS).await;
    let list = format!("{AUTOMATION}/gaps");
    for limit in [1, 2, 100] {
        assert_eq!(ids(&site, &format!("limit={limit}")).await, [quoted(ORDER), quoted(UNPLACED)]);
    }
    assert_eq!(ids(&site, &format!("orderId={UNPLACED}")).await, [quoted(UNPLACED)]);
    let page = site.json(&format!("{list}?limit=1")).await;
    let gaps = json!({"providerOrderId": ORDER, "since": null, "lastSequence": 5, "missingEvents": 1,
        "missing": [{"first": 4, "last": 4}], "missingRanges": 1});
    assert_eq!(page["items"], json!([gaps]));
    for (query, parameter) in [
        ("limit=101", "limit"),
        ("sinceBefore=now", "sinceBefore"),
        ("orderId=17", "orderId"),
        ("cursor=e30", "cursor"),
        ("older=1", "older"),
    ] {
        assert_eq!(site.problem(&format!("{list}?{query}"), 400).await["parameter"], parameter, "{query}");
    }
    let foreign = site.json(&format!("{AUTOMATION}/dead-letters?state=all&limit=1")).await["nextCursor"].clone();
    if let Some(foreign) = foreign.as_str() {
        site.problem(&format!("{list}?cursor={foreign}"), 400).await;
    }
    site.close().await;
}

/// The old one comes last, and a page looks at 2,000.
#[tokio::test]
async fn a_page_of_old_gaps_ends_although_the_young_ones_are_many() {
    let site = Site::with(MANY).await;
    let document = site.json("/openapi.json").await;
    let path = format!("{AUTOMATION}/gaps?sinceBefore=2021-01-01T00:00:00Z&limit=100");
    let (mut address, mut pages) = (path.clone(), Vec::new());
    loop {
        let page = site.json(&address).await;
        valid(&document, &json!({"$ref": "#/components/schemas/GapPage"}), &page);
        let cursor = page["nextCursor"].as_str().map(str::to_owned);
        pages.push(page["items"].as_array().unwrap().clone());
        let Some(cursor) = cursor else { break };
        address = format!("{path}&cursor={cursor}");
    }
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [0, 0, 2]);
    let (unknown, old) = (&pages[2][0], &pages[2][1]);
    assert_eq!((&unknown["since"], &old["since"]), (&Value::Null, &json!("2020-01-01T00:00:00.000000+00:00")));
    assert_eq!((&unknown["missingRanges"], &unknown["missingEvents"]), (&json!(150), &json!(150)));
    let ranges = unknown["missing"].as_array().unwrap();
    assert_eq!((ranges.len(), &ranges[99]), (100, &json!({"first": 199, "last": 199})));
    site.close().await;
}
