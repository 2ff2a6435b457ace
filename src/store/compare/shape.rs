//! Which columns of each view are compared. Not compared: bookkeeping times, row ids, row versions, and the log
//! position of the surviving copy.

/// How a sample selects rows of a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampled {
    /// By this column, an id.
    By(&'static str),
    /// By this column, the record's key: bytes that may be an id as text.
    ByRecordKey(&'static str),
    /// Not at all: its values are totals over all orders.
    No,
}

/// One view, and how it is compared.
#[derive(Debug)]
pub struct Shape {
    /// Its public name.
    pub view: &'static str,
    /// What follows `from`; `{schema}` names the generation.
    pub(super) from: &'static str,
    /// The key columns; their texts identify a row.
    pub(super) key: &'static [&'static str],
    /// A bigint that spreads the keys.
    pub(super) hash: &'static str,
    /// Name and SQL of each compared column.
    pub(super) columns: &'static [(&'static str, &'static str)],
    pub sampled: Sampled,
    /// SQL condition for rows that may exist although none is expected.
    pub(super) may_be_extra: &'static str,
}

macro_rules! columns {
    ($($name:literal),* $(,)?) => { &[$(($name, $name)),*] };
}

const BY_ORDER: &str = "uuid_hash_extended(provider_order_id, 0)";
const NEVER: &str = "false";

/// Every view, small ones first, the history last. The `fold_…` columns decide whether later events win: readers
/// don't see them, but the next fold does.
pub const SHAPES: &[Shape] = &[
    Shape {
        view: "backlog",
        from: "{schema}.backlog",
        key: &["coalesce(provider_id, 'unknown')"],
        hash: "hashtextextended(coalesce(provider_id, ''), 0)",
        columns: columns!["provider_id", "scheduled_backlog", "next_scheduled_at"],
        sampled: Sampled::No,
        may_be_extra: NEVER,
    },
    Shape {
        view: "provider_telemetry",
        from: "{schema}.provider_telemetry",
        key: &["provider_id"],
        hash: "hashtextextended(provider_id, 0)",
        columns: columns!["provider_id", "provider_name", "telemetry"],
        sampled: Sampled::No,
        may_be_extra: NEVER,
    },
    // All counts: the two views above leave out orders of unknown provider and gaps, and hide what they sum up, such as a
    // count that stands under another label of its rule.
    Shape {
        view: "telemetry_counts",
        from: "(select kind, coalesce(provider_id, '') as provider_id, coalesce(service_id, '') as service_id,
                       coalesce(rule_id, '') as rule_id, coalesce(label, '') as label, sum(count)::bigint as count
                  from {schema}.telemetry_counts
                 group by 1, 2, 3, 4, 5 having sum(count) <> 0) counts",
        key: &["kind", "provider_id", "service_id", "rule_id", "label"],
        hash: "hashtextextended(concat_ws('/', kind, provider_id, service_id, rule_id), 0)",
        columns: columns!["count"],
        sampled: Sampled::No,
        may_be_extra: NEVER,
    },
    Shape {
        view: "automation_runs",
        from: "{schema}.automation_runs",
        key: &["run_id"],
        hash: "uuid_hash_extended(run_id, 0)",
        columns: columns![
            "run_id",
            "run_type",
            "status",
            "started_at",
            "ran_at",
            "summary",
            "metadata",
            "backlog_total",
            "next_scheduled_at",
            "alerts_sent",
            "revision",
            "drift",
        ],
        sampled: Sampled::By("run_id"),
        may_be_extra: NEVER,
    },
    Shape {
        view: "dead_letters",
        from: "{schema}.dead_letters",
        key: &["topic", "partition", "\"offset\""],
        hash: "hashtextextended(concat_ws('/', topic, partition, \"offset\"), 0)",
        columns: &[
            ("topic", "topic"),
            ("partition", "partition"),
            ("offset", "\"offset\""),
            ("reason", "reason"),
            // Base64 as in the command line's JSON, without Postgres's line breaks.
            ("key", "translate(encode(key, 'base64'), E'\\n', '')"),
            ("value", "translate(encode(value, 'base64'), E'\\n', '')"),
            ("headers", "headers"),
        ],
        sampled: Sampled::ByRecordKey("key"),
        // An accepted redrive: the record is in the views, and the dead letter remains as its receipt.
        may_be_extra: "redriven_at is not null",
    },
    Shape {
        view: "refills",
        from: "{schema}.refills",
        key: &["provider_order_id", "refill_id"],
        hash: BY_ORDER,
        columns: columns![
            "provider_order_id",
            "refill_id",
            "amount",
            "currency",
            "performed_at",
            "response",
            "fold_sequence",
        ],
        sampled: Sampled::By("provider_order_id"),
        may_be_extra: NEVER,
    },
    Shape {
        view: "replays",
        from: "{schema}.replays",
        key: &["provider_order_id", "replay_id"],
        hash: BY_ORDER,
        columns: columns![
            "provider_order_id",
            "replay_id",
            "provider_id",
            "status",
            "requested_amount",
            "currency",
            "scheduled_for",
            "performed_at",
            "response",
            "error",
            "cancel_reason",
            "rule_ids",
            "rule_metadata",
            "attempts",
            "fold_registers",
            "fold_failed",
        ],
        sampled: Sampled::By("provider_order_id"),
        may_be_extra: NEVER,
    },
    Shape {
        view: "provider_orders",
        from: "{schema}.provider_orders",
        key: &["provider_order_id"],
        hash: BY_ORDER,
        columns: columns![
            "provider_order_id",
            "order_id",
            "order_item_id",
            "provider_id",
            "provider_name",
            "service_id",
            "service_action",
            "provider_reference",
            "amount",
            "currency",
            "provider_cost",
            "provider_cost_currency",
            "minimum_margin_absolute",
            "minimum_margin_percent",
            "warning_margin_percent",
            "service_rules",
            "guardrail_status",
            "placed_at",
            "last_event_at",
            "last_sequence",
            "missing_events",
            "cancelled_at",
            "cancel_reason",
            "fold_seen",
            "fold_registers",
        ],
        sampled: Sampled::By("provider_order_id"),
        may_be_extra: NEVER,
    },
    Shape {
        view: "provider_order_events",
        from: "{schema}.provider_order_events",
        key: &["provider_order_id", "sequence"],
        hash: BY_ORDER,
        columns: &[
            ("provider_order_id", "provider_order_id"),
            ("sequence", "sequence"),
            ("event_id", "event_id"),
            ("event_type", "event_type"),
            ("occurred_at", "occurred_at"),
            // Whatever the order of its fields.
            ("payload", "payload::jsonb"),
            // From the smallest copy, which is the same everywhere.
            ("recorded_at", "recorded_at"),
        ],
        sampled: Sampled::By("provider_order_id"),
        may_be_extra: NEVER,
    },
];

impl Shape {
    /// The key of a row as one text. Every key column is text, a number or an id, and never null.
    pub(super) fn key_text(&self) -> String {
        self.key.iter().map(|key| format!("({key})::text")).collect::<Vec<_>>().join(" || '/' || ")
    }

    pub(super) fn column_list(&self) -> String {
        self.columns.iter().map(|(_, sql)| *sql).collect::<Vec<_>>().join(", ")
    }
}
