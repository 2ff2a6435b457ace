//! Every metric: name, help and labels. docs/metrics.md documents the same for operators (a test keeps them in step).

use super::family::Family;

// Exported by the leading publisher only.
pub const REPLAY_BACKLOG: Family =
    Family::gauge("provider_automation_replay_backlog", &["provider_id"], "Scheduled replays.");
pub const REPLAY_OVERDUE: Family = Family::gauge(
    "provider_automation_replay_overdue",
    &["provider_id"],
    "Scheduled replays that are due, or that have no time.",
);
pub const NEXT_REPLAY: Family = Family::gauge(
    "provider_automation_next_replay_timestamp_seconds",
    &["provider_id"],
    "Earliest time of a scheduled replay.",
);
pub const LAST_RUN: Family = Family::gauge(
    "provider_automation_last_run_timestamp_seconds",
    &["run_type"],
    "Time at which the latest automation run ended.",
);
pub const LAST_RUN_ALERTS_SENT: Family =
    Family::gauge("provider_automation_last_run_alerts_sent", &[], "Notifications that the latest alert run sent.");
pub const DEAD_LETTERS: Family =
    Family::gauge("foldback_dead_letters", &["reason"], "Dead letters that are neither redriven nor discarded.");
pub const DEAD_LETTER_OLDEST: Family = Family::gauge(
    "foldback_dead_letter_oldest_timestamp_seconds",
    &[],
    "When the oldest open dead letter was first stored.",
);
pub const ORDERS_WITH_GAPS: Family =
    Family::gauge("foldback_orders_with_gaps", &[], "Orders that miss at least one event.");
pub const GAP_OLDEST: Family = Family::gauge(
    "foldback_gap_oldest_timestamp_seconds",
    &[],
    "Since when the log shows that an order misses an event, of the oldest such gap.",
);
pub const VERIFY_LAST_SUCCESS: Family = Family::gauge(
    "foldback_verify_last_success_timestamp_seconds",
    &[],
    "When the newest verification of all of the live generation that found no difference ended.",
);
pub const VERIFY_LAST_RUN: Family = Family::gauge(
    "foldback_verify_last_run_timestamp_seconds",
    &["result"],
    "When the newest verification of the live generation with this result (equal, different, failed) ended.",
);
pub const VERIFY_DIFFERENCES: Family = Family::gauge(
    "foldback_verify_differences",
    &[],
    "Differences that the newest verification found that found any; 0 once one of everything has found none.",
);
pub const REDIS_UP: Family =
    Family::gauge("foldback_redis_up", &[], "1 while Redis accepts publications, 0 while it does not.");

// Exported by the instance that owns the partition.
pub const LAG_RECORDS: Family = Family::gauge(
    "foldback_lag_records",
    &["topic", "partition"],
    "High watermark minus committed offset of a partition.",
);
pub const OPEN_TRANSACTION_RECORDS: Family = Family::gauge(
    "foldback_open_transaction_records",
    &["topic", "partition"],
    "Offsets between the last stable offset and the high watermark of a partition: what open transactions hold back.",
);
pub const PARTITION_STALLED_SECONDS: Family = Family::gauge(
    "foldback_partition_stalled_seconds",
    &["topic", "partition"],
    "How long records have waited without the checkpoint moving; 0 if none wait.",
);
pub const PARTITION_STOPPED: Family = Family::gauge(
    "foldback_partition_stopped",
    &["topic", "partition", "reason"],
    "1 while a partition is stopped: by the flood guard, after too many consecutive records rejected for one reason, or by \
     the log guard.",
);

// Exported by every instance.
pub const RECORDS: Family =
    Family::counter("foldback_records_total", &["topic", "outcome"], "Committed records by outcome.");
pub const EVENT_TO_COMMIT: Family =
    Family::seconds("foldback_event_to_commit_seconds", "Time from a record's timestamp to the commit of its batch.");
pub const COMMIT: Family = Family::seconds("foldback_commit_seconds", "Duration of a batch's transaction.");
pub const SUMMARY_DRIFT: Family = Family::counter(
    "foldback_summary_drift_total",
    &["field"],
    "Deviations of run summaries from the canonical schema, by top-level field; `other` is an unknown field.",
);
pub const REDIS_PUBLISH: Family =
    Family::seconds("foldback_redis_publish_seconds", "Duration of a publication's write to Redis.");
pub const HTTP_REQUESTS: Family =
    Family::counter("foldback_http_requests_total", &["status"], "HTTP requests that were answered, by status.");
pub const LIVE_GENERATION: Family = Family::gauge("foldback_live_generation", &[], "Number of the live generation.");
pub const REBUILD_PROGRESS: Family =
    Family::gauge("foldback_rebuild_progress_ratio", &[], "How much of the log a running rebuild has folded, 0 to 1.");
pub const PUBLISHER_LEADER: Family =
    Family::gauge("foldback_publisher_leader", &[], "1 on the instance whose publisher leads, 0 on the others.");
pub const BUILD_INFO: Family =
    Family::gauge("foldback_build_info", &["version"], "Always 1; the label is the version of the running binary.");

pub const CONDITION: Family = Family::gauge(
    "foldback_condition",
    &["name", "severity"],
    "Conditions that /readyz reports, by name (without the partition) and severity (unready, degraded).",
);

pub const ALL: [Family; 28] = [
    REPLAY_BACKLOG,
    REPLAY_OVERDUE,
    NEXT_REPLAY,
    LAST_RUN,
    LAST_RUN_ALERTS_SENT,
    RECORDS,
    LAG_RECORDS,
    EVENT_TO_COMMIT,
    COMMIT,
    DEAD_LETTERS,
    DEAD_LETTER_OLDEST,
    ORDERS_WITH_GAPS,
    GAP_OLDEST,
    VERIFY_LAST_SUCCESS,
    VERIFY_LAST_RUN,
    VERIFY_DIFFERENCES,
    SUMMARY_DRIFT,
    REDIS_PUBLISH,
    HTTP_REQUESTS,
    LIVE_GENERATION,
    REBUILD_PROGRESS,
    BUILD_INFO,
    PARTITION_STOPPED,
    PUBLISHER_LEADER,
    REDIS_UP,
    OPEN_TRANSACTION_RECORDS,
    PARTITION_STALLED_SECONDS,
    CONDITION,
];
