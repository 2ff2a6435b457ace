-- What the transactions that settle add to telemetry_counts, summed once when all slices are done. {schema} is gen_<N>.
-- Unlogged like load_events, whose loss load_marker tells. Created when settling begins, so also for a load that an
-- older version has begun.
create unlogged table if not exists {schema}.load_telemetry (
    kind text not null,
    provider_id text,
    service_id text,
    rule_id text,
    label text,
    count bigint not null
);
