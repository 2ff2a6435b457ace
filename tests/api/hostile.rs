//! Requests that nobody means well: always 400 or 404 in a sentence, and never Postgres's own refusal.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::site::{AUTOMATION, FULFILLMENT, Site};
use super::{ORDER, ROWS, UNPLACED};
use crate::support::{PATIENCE, http};

/// The parameter that is named, and the sentence that is told.
async fn refused(site: &Site, path: &str, query: &str) -> (String, String) {
    let problem = site.problem(&format!("{path}?{query}"), 400).await;
    let word = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
    let detail = word("detail");
    assert!(detail.ends_with('.') && detail.contains(' '), "{query}: {detail}");
    (word("parameter"), detail)
}

fn cursor(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

fn lists() -> [(&'static str, String); 4] {
    [
        ("order", format!("{FULFILLMENT}/provider-orders/{ORDER}")),
        ("timeline", format!("{FULFILLMENT}/provider-orders/{ORDER}/timeline")),
        ("replays", format!("{FULFILLMENT}/replays")),
        ("dead-letters", format!("{AUTOMATION}/dead-letters")),
    ]
}

#[tokio::test]
async fn a_number_that_is_none_or_too_large_is_refused() {
    let site = Site::with(ROWS).await;
    for (_, path) in lists() {
        for limit in [
            "0",
            "-1",
            "501",
            "%2B5",
            "1e2",
            "5.0",
            "0x5",
            "%205",
            "5%20",
            "4611686018427387904",
            "18446744073709551616",
            "99999999999999999999999999999999999999999",
            "%D9%A3",
            "%EF%BC%95",
            "%E2%85%A4",
            "%C2%B2",
            "NaN",
            "null",
            "",
            "%00",
            "5%00",
            "%FF",
            "%ED%A0%80",
            "true",
            "[5]",
            "5;6",
            "5,6",
        ] {
            let (parameter, detail) = refused(&site, &path, &format!("limit={limit}")).await;
            assert_eq!(parameter, "limit", "{path}?limit={limit}: {detail}");
        }
        let long = "9".repeat(8_000);
        assert_eq!(refused(&site, &path, &format!("limit={long}")).await.0, "limit");
    }
    let dead_letters = format!("{AUTOMATION}/dead-letters");
    for partition in ["-1", "2147483648", "4611686018427387904", "%D9%A3", "", "%00", "1.0", "%2B1"] {
        assert_eq!(
            refused(&site, &dead_letters, &format!("partition={partition}")).await.0,
            "partition",
            "{partition}"
        );
    }
    for id in ["-1", "9223372036854775808", "%D9%A3", "1%00", "%00", "1.0", "0x1", "%2B1", "1e3", "%FF", "%20"] {
        let problem = site.problem(&format!("{dead_letters}/{id}"), 400).await;
        assert_eq!(problem["parameter"], "id", "{id}");
    }
    site.problem(&format!("{dead_letters}/9223372036854775807"), 404).await;
    site.close().await;
}

#[tokio::test]
async fn a_text_that_postgres_does_not_store_is_refused_before_it_is_asked() {
    let site = Site::with(ROWS).await;
    let (replays, dead_letters) = (format!("{FULFILLMENT}/replays"), format!("{AUTOMATION}/dead-letters"));
    for (path, name) in [(&replays, "providerId"), (&dead_letters, "topic")] {
        for value in ["%00", "a%00b", "%00%00", "%FF%00"] {
            let (parameter, detail) = refused(&site, path, &format!("{name}={value}")).await;
            assert_eq!((parameter.as_str(), detail.contains("null character")), (name, true), "{detail}");
        }
        for value in [String::new(), "a".repeat(250), "%C3%A4".repeat(250), "a".repeat(8_000)] {
            assert_eq!(refused(&site, path, &format!("{name}={value}")).await.0, name);
        }
        // Bytes that are no text are read with U+FFFD in their place, and nothing is called so.
        for value in ["%FF%FE", "%ED%A0%80", "%C0%80", "%", "%zz", "%2", "%25", "'%3B--", "%F4%90%80%80", "%EF%BF%BF"] {
            assert_eq!(site.json(&format!("{path}?{name}={value}")).await["items"], json!([]), "{value}");
        }
    }
    for id in
        ["%00", &format!("{ORDER}%00"), &ORDER.replace('-', "%00"), "%FF", "%7B0%7D", &"%C3%A4".repeat(18), "..%2F.."]
    {
        for path in
            [format!("{FULFILLMENT}/provider-orders/{id}"), format!("{FULFILLMENT}/provider-orders/{id}/timeline")]
        {
            assert_eq!(site.problem(&path, 400).await["parameter"], "id", "{path}");
        }
        assert_eq!(refused(&site, &dead_letters, &format!("orderId={id}")).await.0, "orderId", "{id}");
    }
    site.close().await;
}

#[tokio::test]
async fn parameters_in_a_wrong_number_or_of_a_wrong_name_are_refused() {
    let site = Site::with(ROWS).await;
    for (_, path) in lists() {
        for (query, parameter) in [
            ("limit=1&limit=1", "limit"),
            ("limit=1&%6Cimit=1", "limit"),
            ("cursor=&cursor=", "cursor"),
            ("LIMIT=1", "LIMIT"),
            ("limit%00=1", "limit\0"),
            ("%FF=1", "\u{fffd}"),
            ("=1", ""),
            ("limit[]=1", "limit[]"),
            ("%20limit=1", " limit"),
        ] {
            assert_eq!(refused(&site, &path, query).await.0, parameter, "{path}?{query}");
        }
        let many = (0..40).map(|i| format!("a{i}=1")).collect::<Vec<_>>().join("&");
        assert_eq!(refused(&site, &path, &many).await.0, "query");
        assert_eq!(refused(&site, &path, &format!("{}=1", "n".repeat(8_000))).await.0, "n".repeat(8_000));
    }
    for time in [
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-23:59",
        "2026-02-30T00:00:00Z",
        "2026-11-23T25:00:00Z",
        "2026-11-23",
        "1700000000",
        "-0001-01-01T00:00:00Z",
        "2026-11-23T10:00:00",
        "%00",
        "",
        "2026-11-23T10:00:00%2B99:99",
        "%D9%A2026-11-23T10:00:00Z",
    ] {
        let replays = format!("{FULFILLMENT}/replays");
        assert_eq!(refused(&site, &replays, &format!("dueBefore={time}")).await.0, "dueBefore", "{time}");
    }
    site.close().await;
}

/// A cursor of ours, changed in each of its characters, and others that were never given.
#[tokio::test]
async fn a_cursor_that_was_not_given_for_the_list_is_refused_or_harmless() {
    let site = Site::with(ROWS).await;
    let at = |list: &str| match list {
        "order" => json!({"order": ORDER, "replay": ORDER, "refill": null}),
        "timeline" => json!({"order": ORDER, "sequence": 1}),
        "replays" => json!({"order": ORDER, "replay": ORDER}),
        _ => json!({"id": 1}),
    };
    let given = |list: &str| json!({"v": 1, "list": list, "at": at(list)});
    for (list, path) in lists() {
        site.json(&format!("{path}?cursor={}", cursor(&given(list)))).await;
        let mut bad: Vec<String> = lists().map(|(other, _)| cursor(&given(other))).to_vec();
        bad.retain(|text| *text != cursor(&given(list)));
        bad.push(STANDARD.encode(vec![0xfb; 30]).replace('+', "%2B"));
        bad.push("A".repeat(8_000));
        bad.push(cursor(&json!(null)));
        bad.push(URL_SAFE_NO_PAD.encode("[".repeat(380)));
        bad.push(URL_SAFE_NO_PAD.encode(r#"{"v":1e400}"#));
        bad.extend(["", "%00", "%FF", "e30", "bnVsbA", "AA==", "%20"].map(str::to_owned));
        for (key, value) in [
            ("v", json!(2)),
            ("v", json!("1")),
            ("list", json!(list.to_uppercase())),
            ("at", json!([])),
            ("at", json!({})),
            ("more", json!(1)),
        ] {
            let mut changed = given(list);
            changed[key] = value;
            bad.push(cursor(&changed));
        }
        for text in bad {
            assert_eq!(refused(&site, &path, &format!("cursor={text}")).await.0, "cursor", "{list}: {text}");
        }
        flipped(&site, &path, &cursor(&given(list))).await;
    }
    // In range for JSON, and beyond everything that is there: an empty page.
    for (list, at) in
        [("dead-letters", json!({"id": i64::MIN})), ("timeline", json!({"order": ORDER, "sequence": i64::MAX}))]
    {
        let path = lists().into_iter().find(|(name, _)| *name == list).unwrap().1;
        let page = site.json(&format!("{path}?cursor={}", cursor(&json!({"v": 1, "list": list, "at": at})))).await;
        assert_eq!((&page["items"], &page["nextCursor"]), (&json!([]), &Value::Null), "{list}");
    }
    let of_another = cursor(&json!({"v": 1, "list": "timeline", "at": {"order": UNPLACED, "sequence": 1}}));
    assert!(refused(&site, &lists()[1].1, &format!("cursor={of_another}")).await.1.contains("another order"));
    site.close().await;
}

/// A bit of each character in turn: a page, if it still means a place of this list, or a refusal.
async fn flipped(site: &Site, path: &str, cursor: &str) {
    let client = http();
    for at in 0..cursor.len() {
        let mut bytes = cursor.as_bytes().to_vec();
        bytes[at] ^= 1 << (at % 8);
        let text: String = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
        let response = client.get(format!("{}{path}?cursor={text}", site.base)).send().await.unwrap();
        let status = response.status().as_u16();
        let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert!(
            status == 200 || (status == 400 && body["parameter"] == "cursor"),
            "{status} for the character {at}: {body}"
        );
    }
}

/// What hyper itself refuses: without a body, since there is no path to tell of.
#[tokio::test]
async fn what_is_no_request_is_refused_and_others_are_answered() {
    let site = Site::with("").await;
    let path = format!("{FULFILLMENT}/replays");
    let long = "a".repeat(70_000);
    let many = "x: 1\r\n".repeat(1_000);
    for (head, status) in [
        (format!("GET {path}?providerId={long} HTTP/1.1\r\n"), "414"),
        (format!("GET {path} HTTP/1.1\r\n{many}"), "431"),
        (format!("GET {path}?providerId=\0 HTTP/1.1\r\n"), "400"),
        (format!("GET {path}?providerId=a b HTTP/1.1\r\n"), "400"),
        (format!("GET {path} HTTP/1.1\r\nx: \0\r\n"), "400"),
        (format!("GET {path} HTTP/9.9\r\n"), "400"),
        ("\0\0\0\0".to_owned(), "400"),
    ] {
        let mut stream = TcpStream::connect(site.base.trim_start_matches("http://")).await.unwrap();
        stream.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
        let mut answer = vec![0; 12];
        let read = tokio::time::timeout(PATIENCE, stream.read_exact(&mut answer)).await.expect("an answer comes");
        read.unwrap();
        let start: String = head.chars().take(80).collect();
        assert_eq!(String::from_utf8_lossy(&answer), format!("HTTP/1.1 {status}"), "{start}");
    }
    assert_eq!(site.get(&path).await.status(), 200);
    site.close().await;
}
