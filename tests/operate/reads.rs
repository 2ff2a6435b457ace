//! What a page costs follows the page, not the table: rows that Postgres read for it, by its own statistics.

use chrono::{DateTime, Utc};
use foldback::domain::orders::replay::ReplayStatus;
use foldback::domain::timestamp::Timestamp;
use foldback::domain::views::gaps::GapFilter;
use foldback::domain::views::rows::{ReplayFilter, ReplayKey};
use foldback::store::read::{GapLimits, PageLimits, Reader, View};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use uuid::Uuid;

use crate::support::Stack;

/// 100,000 replays of 20 providers, nearly all of them scheduled for next year or executed, and as many counts of rules.
const ROWS: &str = "
    insert into gen_1.replays (provider_order_id, replay_id, provider_id, status, scheduled_for, rule_ids, rule_metadata,
                               attempts, fold_registers, fold_failed)
    select gen_random_uuid(), gen_random_uuid(),
           case when n % 10000 = 0 then 'rare' else 'provider-' || n % 20 end,
           case when n % 5000 = 1 then 'failed' when n % 2 = 0 then 'scheduled' else 'executed' end,
           case when n % 5000 = 2 then '2020-01-01' when n % 2 = 0 then '2099-01-01' else '2020-01-01' end::timestamptz,
           '{}', '{}', 0, '{0,0,0,0,0}', 0
      from generate_series(1, 100000) n;
    insert into gen_1.replays (provider_order_id, replay_id, status, rule_ids, rule_metadata, attempts, fold_registers,
                               fold_failed)
    select '00000000-0000-0000-0000-000000000001', lpad(n::text, 32, '0')::uuid, 'executed', '{}', '{}', 0, '{0,0,0,0,0}', 0
      from generate_series(1, 20000) n;
    insert into gen_1.refills
    select '00000000-0000-0000-0000-000000000001', lpad(n::text, 32, '0')::uuid, 1, 'EUR', '2020-01-01', null, 1
      from generate_series(1, 20000) n;
    insert into gen_1.provider_order_events
    select '00000000-0000-0000-0000-000000000001', n, gen_random_uuid(), 'order_cancelled', '2020-01-01', '{}', 't', 0, n,
           null from generate_series(1, 20000) n;
    insert into gen_1.telemetry_counts (slot, kind, provider_id, service_id, rule_id, label, count)
    select n % 8, 'rule', 'provider-' || n % 20, 'likes', 'rule ' || n, null, 1 from generate_series(1, 100000) n;
    insert into gen_1.telemetry_counts (slot, kind, provider_id, count)
    select 0, 'scheduled', provider_id, count(*) from gen_1.replays where status = 'scheduled' group by provider_id;
    insert into gen_1.telemetry_counts (slot, kind, count) values (0, 'orders', 100000), (0, 'gaps', 3);
    insert into gen_1.provider_orders (provider_order_id, service_rules, guardrail_status, last_event_at, last_sequence,
        missing_events, fold_version, fold_seen, fold_registers)
    select lpad(n::text, 32, '0')::uuid, '[]', 'idle', '2020-01-01', 20000, case when n % 33333 = 1 then 1 else 0 end, 1,
           case when n % 33333 = 1 then '{2,20000}' else '{1,20000}' end::bigint[], '{0,0,0,0,0,0,0,0}'
      from generate_series(1, 99999) n;
    vacuum analyze gen_1.provider_orders, gen_1.replays, gen_1.refills, gen_1.provider_order_events, gen_1.telemetry_counts;";

/// Far more than a page or the backlog of 20 providers needs, and a twentieth of the table.
const READ_MAX: i64 = 5_000;
const LIMITS: PageLimits = PageLimits { rows_max: 50, bytes_max: u64::MAX };

#[tokio::test]
async fn a_page_of_replays_reads_little_more_than_it_shows() {
    let site = Site::new().await;
    let provider = |id: &str| Some(id.to_owned());
    let due = |time: &str| Some(Timestamp::from_datetime(time.parse::<DateTime<Utc>>().unwrap()));
    let (failed, scheduled) = (Some(ReplayStatus::Failed), Some(ReplayStatus::Scheduled));
    let (early, late) = (due("2021-01-01T00:00:00Z"), due("2100-01-01T00:00:00Z"));
    for (status, provider_id, due_before, listed) in [
        (None, None, None, 50),
        (None, provider("rare"), None, 10),
        (None, provider("provider-3"), None, 50),
        (failed, None, None, 20),
        (scheduled, provider("provider-2"), None, 50),
        (failed, provider("provider-2"), None, 0),
        (None, None, early, 20),
        (None, None, late, 50),
        (None, provider("provider-2"), early, 20),
        (scheduled, provider("provider-2"), late, 50),
        (failed, None, late, 0),
    ] {
        let filter = ReplayFilter { provider_order_id: None, status, provider_id, due_before };
        let (rows, read) = site.page(&filter, None).await;
        assert_eq!(rows.len(), listed, "{filter:?}");
        // A probe for what is due reads some of that.
        let allowed = if due_before == late { READ_MAX + 20_000 } else { READ_MAX };
        assert!(read < allowed, "{filter:?}: {read} rows");
        if let Some(middle) = rows.get(listed / 2) {
            let (rest, _) = site.page(&filter, Some(*middle)).await;
            let same = rest.iter().zip(&rows[listed / 2 + 1..]).all(|(one, other)| one == other);
            assert!(same, "{filter:?}: the second page goes on where the first was left");
        }
        assert!(rows.is_sorted_by_key(|key| (key.provider_order_id, key.replay_id)), "{filter:?}");
    }
}

#[tokio::test]
async fn a_page_of_a_large_order_reads_little_more_than_it_shows() {
    let site = Site::new().await;
    let order = Uuid::from_u128(1);
    let filter = ReplayFilter { provider_order_id: Some(order), ..ReplayFilter::default() };
    // Its ids are written with decimal digits.
    let last_but_100 = Uuid::from_u128(0x19900);
    for after in [None, Some(last_but_100)] {
        let key = after.map(|replay_id| ReplayKey { provider_order_id: order, replay_id });
        let (replays, read) = site.page(&filter, key).await;
        assert!(replays.len() == 50 && read < READ_MAX, "{after:?}: {read} rows for {} replays", replays.len());
        let (refills, read) = site.reading(async |mut view| view.refills(order, after, LIMITS).await.unwrap()).await;
        assert!(refills.rows.len() == 50 && read < READ_MAX, "{after:?}: {read} rows");
        let sequence = after.map_or(0, |_| 19_900);
        let (events, read) = site.reading(async |mut view| view.timeline(order, sequence, LIMITS).await.unwrap()).await;
        assert!(events.rows.len() == 50 && events.more && read < READ_MAX, "{after:?}: {read} rows");
    }
}

#[tokio::test]
async fn the_backlog_and_the_totals_read_no_other_counts() {
    let site = Site::new().await;
    let now = Timestamp::from_datetime(Utc::now());
    let (backlog, read) = site.reading(async |mut view| view.backlog(now).await.unwrap()).await;
    assert_eq!(backlog.iter().map(|it| it.backlog.scheduled_backlog).sum::<i64>(), 50_000);
    assert_eq!(backlog.iter().map(|it| it.backlog.overdue).sum::<i64>(), 20);
    assert!(read < READ_MAX, "{read} rows");
    let (gaps, read) = site.reading(async |mut view| view.orders_with_gaps().await.unwrap()).await;
    assert_eq!(gaps, 3);
    assert!(read < READ_MAX, "{read} rows");
}

/// Of 99,999 orders three miss an event, and the first of them has 20,000 others.
#[tokio::test]
async fn gaps_read_no_other_orders_and_little_of_their_history() {
    let site = Site::new().await;
    let limits = GapLimits { rows_max: 100, orders_max: 2_000 };
    let before = Some(Timestamp::from_datetime(Utc::now()));
    for since_before in [None, before] {
        let filter = GapFilter { order: None, since_before };
        let (page, read) = site.reading(async |mut view| view.gaps(&filter, None, limits).await.unwrap()).await;
        assert_eq!(page.rows.len(), 3);
        assert!(read < READ_MAX, "{read} rows");
    }
    let (oldest, read) = site.reading(async |mut view| view.oldest_gap(None, 1_000).await.unwrap()).await;
    assert_eq!(oldest, (None, None), "its records have no timestamp");
    assert!(read < READ_MAX, "{read} rows");
}

struct Site {
    reader: Reader,
    /// One connection, so that its statistics are the reader's.
    pool: PgPool,
    _stack: Stack,
}

impl Site {
    async fn new() -> Site {
        let stack = Stack::new().await;
        stack.foldback(&["migrate"]).await.exits(0);
        let pool = PgPoolOptions::new().max_connections(1).connect(&stack.postgres_url).await.unwrap();
        for statement in ROWS.split_inclusive(';') {
            sqlx::raw_sql(statement).execute(&pool).await.unwrap();
        }
        Site { reader: Reader::new(pool.clone()), pool, _stack: stack }
    }

    async fn page(&self, filter: &ReplayFilter, after: Option<ReplayKey>) -> (Vec<ReplayKey>, i64) {
        let read = async |mut view: View<'_>| view.replays(filter, after, LIMITS).await.unwrap().rows;
        let (rows, read) = self.reading(read).await;
        let key = |row: &foldback::domain::views::rows::ReplayRow| ReplayKey {
            provider_order_id: row.provider_order_id,
            replay_id: row.replay_id,
        };
        (rows.iter().map(key).collect(), read)
    }

    /// What was read, and how many rows and index entries Postgres went through for it.
    async fn reading<T>(&self, read: impl AsyncFnOnce(View<'_>) -> T) -> (T, i64) {
        let before = self.rows_read().await;
        let mut snapshot = self.reader.snapshot().await.unwrap();
        let value = read(snapshot.view()).await;
        snapshot.close().await.unwrap();
        (value, self.rows_read().await - before)
    }

    async fn rows_read(&self) -> i64 {
        sqlx::query("select pg_stat_force_next_flush()").execute(&self.pool).await.unwrap();
        let sql = "select (select sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) from pg_stat_all_tables
                            where schemaname = 'gen_1')::bigint
                        + (select sum(idx_tup_read) from pg_stat_all_indexes where schemaname = 'gen_1')::bigint";
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }
}
