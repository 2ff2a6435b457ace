-- Points every stable view at one generation. {schema} is gen_<N>.

create or replace view foldback.provider_order_events as
select provider_order_id, sequence, event_id, event_type, occurred_at, payload::jsonb as payload, topic, partition,
       "offset", recorded_at
  from {schema}.provider_order_events;

create or replace view foldback.provider_orders as
select provider_order_id, order_id, order_item_id, provider_id, provider_name, service_id, service_action,
       provider_reference, amount, currency, provider_cost, provider_cost_currency, minimum_margin_absolute,
       minimum_margin_percent, warning_margin_percent, service_rules, guardrail_status, placed_at, last_event_at,
       last_sequence, missing_events, cancelled_at, cancel_reason
  from {schema}.provider_orders;

create or replace view foldback.replays as
select provider_order_id, replay_id, provider_id, status, requested_amount, currency, scheduled_for, performed_at,
       response, error, cancel_reason, rule_ids, rule_metadata, attempts
  from {schema}.replays;

create or replace view foldback.refills as
select provider_order_id, refill_id, amount, currency, performed_at, response from {schema}.refills;

create or replace view foldback.automation_runs as
select run_id, run_type, status, started_at, ran_at, summary, metadata, backlog_total, next_scheduled_at, alerts_sent,
       revision, drift
  from {schema}.automation_runs;

create or replace view foldback.backlog as
select provider_id, scheduled_backlog, next_scheduled_at from {schema}.backlog;

create or replace view foldback.provider_telemetry as
select provider_id, provider_name, telemetry from {schema}.provider_telemetry;

create or replace view foldback.checkpoints as
select topic, partition, next_offset, updated_at from {schema}.checkpoints;

create or replace view foldback.dead_letters as
select id, topic, partition, "offset", key, value, headers, reason, detail, first_seen_at, redriven_at, discarded_at,
       generation
  from {schema}.dead_letters;
