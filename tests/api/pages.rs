//! Lists whose rows are large or many: no response holds more than its share, and the pages together hold all.

use serde_json::{Value, json};

use super::site::{FULFILLMENT, Site};
use super::{ORDER, ROWS, UNPLACED, valid};

const TIMELINE: &str = "provider-orders/00000000-0000-0000-0000-000000000001/timeline";

/// Replays of the second order, from the id `first`, with responses of `bytes`.
fn replays(first: u32, last: u32, bytes: u32) -> String {
    format!(
        "insert into gen_1.replays (provider_order_id, replay_id, status, response, rule_ids, rule_metadata, attempts,
                                    fold_registers, fold_failed)
         select '{UNPLACED}', lpad(n::text, 32, '0')::uuid, 'executed', repeat('x', {bytes}), '{{}}', '{{}}', 1,
                '{{2,0,2,0,0}}', 0
           from generate_series({first}, {last}) n;"
    )
}

fn refills(count: u32, bytes: u32) -> String {
    format!(
        "insert into gen_1.refills select '{UNPLACED}', lpad(n::text, 32, '0')::uuid, 1, 'EUR', '2026-01-02T00:00:00Z',
                repeat('x', {bytes}), 2 from generate_series(1, {count}) n;"
    )
}

/// All pages, each of which is as the document says and takes no more than `bytes_max`.
async fn pages(site: &Site, path: &str, query: &str, bytes_max: usize) -> Vec<Value> {
    let document = site.json("/openapi.json").await;
    let schema = match path {
        "replays" => "ReplayPage",
        TIMELINE => "TimelinePage",
        _ => "OrderAnswer",
    };
    let mut pages = Vec::new();
    let mut address = format!("{FULFILLMENT}/{path}?{query}");
    loop {
        let page = site.json(&address).await;
        assert!(page.to_string().len() <= bytes_max, "{address}: {} bytes", page.to_string().len());
        valid(&document, &json!({"$ref": format!("#/components/schemas/{schema}")}), &page);
        let cursor = page["nextCursor"].as_str().map(str::to_owned);
        pages.push(page);
        let Some(cursor) = cursor else { return pages };
        assert!(pages.len() < 100, "the walk ends");
        address = format!("{FULFILLMENT}/{path}?{query}&cursor={cursor}");
    }
}

/// How many entries of a list each page has.
fn counts(pages: &[Value], list: &str) -> Vec<usize> {
    pages.iter().map(|page| page[list].as_array().unwrap().len()).collect()
}

/// A field of all entries of a list.
fn values(pages: &[Value], list: &str, field: &str) -> Vec<String> {
    let entries = pages.iter().flat_map(|page| page[list].as_array().unwrap());
    entries.map(|entry| entry[field].to_string()).collect()
}

fn is_ascending(ids: &[String]) -> bool {
    ids.is_sorted_by(|one, next| one < next)
}

#[tokio::test]
async fn large_replays_end_a_page_early() {
    let rows = format!("{ROWS}; {} {}", replays(101, 109, 20_000), replays(110, 111, 100_000));
    let site = Site::with(&rows).await;
    for query in ["limit=100", "limit=100&status=executed"] {
        let pages = pages(&site, "replays", query, 200_000).await;
        let ids = values(&pages, "items", "replayId");
        assert!(is_ascending(&ids[ids.len() - 11..]), "{ids:?}");
        assert_eq!(ids.len(), if query.contains("status") { 11 } else { 15 });
        assert_eq!(counts(&pages, "items").last(), Some(&1), "one that is larger than a page has one of its own");
        assert!(pages.len() >= 4, "{:?}", counts(&pages, "items"));
    }
    let narrow = pages(&site, "replays", "status=executed&limit=2", 200_000).await;
    assert_eq!(counts(&narrow, "items"), [2, 2, 2, 2, 2, 1]);
    site.close().await;
}

#[tokio::test]
async fn large_events_end_a_page_of_the_timeline_early() {
    let large = "update gen_1.provider_order_events set payload = jsonb_build_object('reason', repeat('x', 40000))";
    let site = Site::with(&format!("{ROWS}; {large}")).await;
    let cut = pages(&site, TIMELINE, "limit=500", 100_000).await;
    assert_eq!(counts(&cut, "items"), [2, 2], "and none that is empty");
    assert_eq!(values(&cut, "items", "sequence"), ["1", "2", "3", "5"]);
    assert_eq!(counts(&pages(&site, TIMELINE, "limit=1", 100_000).await, "items"), [1, 1, 1, 1]);
    site.close().await;
}

#[tokio::test]
async fn an_order_of_many_replays_and_refills_is_read_in_pages() {
    let site = Site::with(&format!("{ROWS}; {} {}", replays(101, 1300, 10), refills(500, 10))).await;
    let path = format!("provider-orders/{UNPLACED}");
    let pages = pages(&site, &path, "limit=500", 600_000).await;
    assert_eq!(counts(&pages, "replays"), [500, 500, 201]);
    assert_eq!(counts(&pages, "refills"), [500, 0, 0], "a list that has ended does not begin again");
    assert!(is_ascending(&values(&pages, "replays", "replayId")));
    assert!(is_ascending(&values(&pages, "refills", "refillId")));
    assert!(pages.iter().all(|page| page["order"] == pages[0]["order"]));
    let cursor = pages[0]["nextCursor"].as_str().unwrap();
    for path in [format!("{FULFILLMENT}/provider-orders/{ORDER}"), format!("{FULFILLMENT}/replays")] {
        assert_eq!(site.problem(&format!("{path}?cursor={cursor}"), 400).await["parameter"], "cursor");
    }
    let unknown = site.problem(&format!("{FULFILLMENT}/provider-orders/{ORDER}?status=failed"), 400).await;
    assert_eq!(unknown["parameter"], "status");
    site.close().await;
}

#[tokio::test]
async fn large_replays_and_refills_of_an_order_have_half_of_a_page_each() {
    let site = Site::with(&format!("{ROWS}; {} {}", replays(101, 105, 20_000), refills(7, 20_000))).await;
    let pages = pages(&site, &format!("provider-orders/{UNPLACED}"), "limit=500", 110_000).await;
    assert_eq!(values(&pages, "replays", "replayId").len(), 6);
    assert_eq!(counts(&pages, "refills"), [2, 2, 2, 1]);
    site.close().await;
}
