-- The tables of one generation. {schema} is gen_<N>, {generation} its number. Those that a bulk load fills get their
-- keys at its end: generation_keys.sql.
-- Columns named fold_* are for the fold: they decide whether a late event wins.

create schema {schema};

create table {schema}.provider_order_events (
    provider_order_id uuid not null,
    sequence bigint not null,
    event_id uuid not null,
    event_type text not null,
    occurred_at timestamptz not null,
    -- written once and rarely read: as json it costs half of what jsonb does
    payload json not null,
    topic text not null,
    partition integer not null,
    "offset" bigint not null,
    recorded_at timestamptz
);

create table {schema}.provider_orders (
    provider_order_id uuid not null,
    order_id uuid,
    order_item_id uuid,
    provider_id text,
    provider_name text,
    service_id text,
    service_action text,
    provider_reference text,
    amount numeric(18,4),
    currency text,
    provider_cost numeric(18,4),
    provider_cost_currency text,
    minimum_margin_absolute numeric(18,4),
    minimum_margin_percent double precision,
    warning_margin_percent double precision,
    service_rules jsonb not null,
    guardrail_status text not null,
    placed_at timestamptz,
    last_event_at timestamptz not null,
    last_sequence bigint not null,
    missing_events bigint not null,
    cancelled_at timestamptz,
    cancel_reason text,
    fold_version bigint not null,
    -- [first, last, first, last, …] of the ranges of sequences seen
    fold_seen bigint[] not null,
    -- the sequence of each register: placed, provider_reference, amount, provider_cost, guardrails,
    -- service_rules, cancelled; 0 = never set. Finally, whether guardrails are set (1) or null (0)
    fold_registers bigint[] not null
) with (fillfactor = 80);

create table {schema}.replays (
    provider_order_id uuid not null,
    replay_id uuid not null,
    provider_id text,
    status text not null,
    requested_amount numeric(18,4),
    currency text,
    scheduled_for timestamptz,
    performed_at timestamptz,
    response text,
    error text,
    cancel_reason text,
    rule_ids text[] not null,
    rule_metadata jsonb not null,
    attempts bigint not null,
    -- the sequence of each register: request, schedule, outcome, failure, cancel; 0 = never set
    fold_registers bigint[] not null,
    -- how many of the attempts failed
    fold_failed bigint not null
) with (fillfactor = 80);

create table {schema}.refills (
    provider_order_id uuid not null,
    refill_id uuid not null,
    amount numeric(18,4) not null,
    currency text not null,
    performed_at timestamptz not null,
    response text,
    fold_sequence bigint not null
);

create table {schema}.automation_runs (
    run_id uuid primary key,
    run_type text not null,
    status text not null,
    started_at timestamptz,
    ran_at timestamptz not null,
    summary jsonb not null,
    metadata jsonb not null,
    backlog_total bigint,
    next_scheduled_at timestamptz,
    alerts_sent integer,
    revision integer not null,
    drift jsonb not null,
    event_id uuid not null,
    topic text not null,
    partition integer not null,
    "offset" bigint not null
);

-- Counts behind telemetry and backlog: sharded counters with one slot per partition, so that workers of different
-- partitions never wait for each other's rows. Views show the sum over all slots.
create table {schema}.telemetry_counts (
    slot integer not null,
    kind text not null,
    provider_id text,
    service_id text,
    rule_id text,
    label text,
    count bigint not null,
    constraint telemetry_counts_key unique nulls not distinct (slot, kind, provider_id, service_id, rule_id, label)
) with (fillfactor = 50);

-- The newest name of a provider among the accepted OrderPlaced that a slot has seen.
create table {schema}.provider_names (
    slot integer not null,
    provider_id text not null,
    name text not null,
    occurred_at timestamptz not null,
    provider_order_id uuid not null,
    sequence bigint not null,
    primary key (slot, provider_id)
) with (fillfactor = 50);

create table {schema}.checkpoints (
    topic text not null,
    partition integer not null,
    next_offset bigint not null,
    updated_at timestamptz not null default now(),
    owner_epoch bigint not null default 0,
    topic_id text,
    -- how many consecutive records were rejected for one reason, up to next_offset
    streak_reason text,
    streak_count bigint not null default 0,
    -- the log's leader epoch just before an offset, and the last record before it with its timestamp; they say nothing once
    -- next_offset is another one
    leader_epoch integer,
    leader_epoch_offset bigint,
    last_record_offset bigint,
    last_record_millis bigint,
    primary key (topic, partition)
) with (fillfactor = 50);

create table {schema}.dead_letters (
    -- never given twice, so that an id from one generation's list can't hit another generation's record
    id bigint default nextval('foldback.dead_letter_id') primary key,
    topic text not null,
    partition integer not null,
    "offset" bigint not null,
    key bytea,
    value bytea,
    headers jsonb not null,
    reason text not null,
    detail text not null,
    first_seen_at timestamptz not null default now(),
    redriven_at timestamptz,
    -- applied or duplicate: what became of it when it was redriven
    redriven_as text,
    discarded_at timestamptz,
    generation integer not null default {generation},
    -- the record's timestamp
    recorded_at timestamptz,
    -- for a sequence_conflict: the event that lost
    provider_order_id uuid,
    sequence bigint,
    event_id uuid,
    constraint dead_letters_position unique (topic, partition, "offset"),
    constraint dead_letters_conflict unique (provider_order_id, sequence, event_id)
);

-- An index is one line, as in generation_keys.sql: `foldback migrate` builds those that older generations lack.
create index if not exists telemetry_counts_totals on {schema}.telemetry_counts (kind, provider_id) where kind in ('scheduled', 'orders', 'gaps');
create index if not exists automation_runs_latest on {schema}.automation_runs (run_type, ran_at desc, run_id desc);
create index if not exists dead_letters_open on {schema}.dead_letters (reason) where redriven_at is null and discarded_at is null;

create view {schema}.backlog as
select counts.provider_id,
       counts.scheduled_backlog,
       (select min(replays.scheduled_for) from {schema}.replays
         where replays.status = 'scheduled' and replays.provider_id = counts.provider_id) as next_scheduled_at
  from (select provider_id, sum(count)::bigint as scheduled_backlog from {schema}.telemetry_counts
         where kind = 'scheduled' and provider_id is not null group by provider_id having sum(count) > 0) counts
union all
select null,
       counts.scheduled_backlog,
       (select min(replays.scheduled_for) from {schema}.replays
         where replays.status = 'scheduled' and replays.provider_id is null)
  from (select sum(count)::bigint as scheduled_backlog from {schema}.telemetry_counts
         where kind = 'scheduled' and provider_id is null having sum(count) > 0) counts;

create view {schema}.provider_telemetry as
with counts as (
    select provider_id, service_id, kind, rule_id, label, sum(count)::bigint as count
      from {schema}.telemetry_counts where provider_id is not null
     group by provider_id, service_id, kind, rule_id, label having sum(count) <> 0
), totals as (
    select provider_id,
           coalesce(sum(count) filter (where kind = 'placed'), 0) as placed,
           coalesce(sum(count) filter (where kind = 'executed'), 0) as executed,
           coalesce(sum(count) filter (where kind = 'failed'), 0) as failed,
           coalesce(sum(count) filter (where kind = 'scheduled'), 0) as scheduled,
           coalesce(sum(count) filter (where kind = 'guardrail_pass'), 0) as pass,
           coalesce(sum(count) filter (where kind = 'guardrail_warn'), 0) as warn,
           coalesce(sum(count) filter (where kind = 'guardrail_fail'), 0) as fail
      from counts group by provider_id
), services as (
    select provider_id, service_id,
           coalesce(sum(count) filter (where kind = 'guardrail_pass'), 0) as pass,
           coalesce(sum(count) filter (where kind = 'guardrail_warn'), 0) as warn,
           coalesce(sum(count) filter (where kind = 'guardrail_fail'), 0) as fail
      from counts where service_id is not null and kind like 'guardrail\_%' group by provider_id, service_id
), hits as (
    select provider_id,
           jsonb_object_agg(service_id, jsonb_build_object(
               'evaluated', pass + warn + fail, 'pass', pass, 'warn', warn, 'fail', fail)) as hits
      from services group by provider_id
), rules as (
    select provider_id, service_id, rule_id, min(label collate "C") as label, sum(count) as count
      from counts where service_id is not null and kind = 'rule' group by provider_id, service_id, rule_id
), overrides_by_service as (
    select provider_id, service_id,
           jsonb_build_object('totalOverrides', sum(count), 'rules', jsonb_object_agg(
               rule_id, jsonb_build_object('id', rule_id, 'label', label, 'count', count))) as overrides
      from rules group by provider_id, service_id
), overrides as (
    select provider_id, jsonb_object_agg(service_id, overrides) as overrides
      from overrides_by_service group by provider_id
), names as (
    select distinct on (provider_id) provider_id, name from {schema}.provider_names
     order by provider_id, occurred_at desc, provider_order_id desc, sequence desc
)
select totals.provider_id,
       names.name as provider_name,
       jsonb_build_object(
           'totalOrders', placed,
           'replays', jsonb_build_object('total', executed + failed, 'executed', executed, 'failed', failed, 'scheduled', scheduled),
           'guardrails', jsonb_build_object('evaluated', pass + warn + fail, 'pass', pass, 'warn', warn, 'fail', fail),
           'guardrailHitsByService', coalesce(hits, '{}'),
           'ruleOverridesByService', coalesce(overrides, '{}')) as telemetry
  from totals
  left join names using (provider_id)
  left join hits using (provider_id)
  left join overrides using (provider_id);
