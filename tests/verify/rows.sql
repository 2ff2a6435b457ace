-- What a fold of some thousand events may have left.
insert into gen_1.provider_orders (provider_order_id, order_id, order_item_id, provider_id, provider_name, service_id,
    amount, currency, minimum_margin_percent, service_rules, guardrail_status, placed_at, last_event_at, last_sequence,
    missing_events, fold_version, fold_seen, fold_registers)
select ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, gen_random_uuid(), gen_random_uuid(), 'acme', 'Acme',
       'likes', n, 'EUR', 0.1 * n, '[{"id":"r","label":null,"priority":3}]', 'pass', '2026-01-01T00:00:00Z',
       '2026-01-02T00:00:00.5Z', 2, 0, n, '{1,2}', '{1,1,1,1,1,1,0,1}'
  from generate_series(1, 3000) n;
insert into gen_1.provider_order_events
select ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, sequence, gen_random_uuid(), 'replay_cancelled',
       '2026-01-01T00:00:00Z', '{"replay_id":"00000000-0000-0000-0000-000000000011","reason":"größer \\ \"x\""}',
       'provider-orders', 1, n * 2 + sequence, '2026-01-01T00:00:00.001Z'
  from generate_series(1, 3000) n, generate_series(1, 2) sequence;
insert into gen_1.replays (provider_order_id, replay_id, provider_id, status, requested_amount, currency, scheduled_for,
    response, rule_ids, rule_metadata, attempts, fold_registers, fold_failed)
select ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, '00000000-0000-0000-0000-000000000011', 'acme',
       'scheduled', 1, 'EUR', '2999-01-01T00:00:00Z', 'ok', '{r}', '{"a":"b"}', 0, '{2,2,0,0,0}', 0
  from generate_series(1, 30) n;
insert into gen_1.refills
select ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, '00000000-0000-0000-0000-000000000031', 2.5, 'EUR',
       '2026-01-02T00:00:00Z', null, 3
  from generate_series(1, 30) n;
insert into gen_1.automation_runs (run_id, run_type, status, ran_at, summary, metadata, revision, drift, event_id, topic,
    partition, "offset")
select ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, 'replay', 'success',
       timestamptz '2026-01-01T00:00:00Z' + n * interval '1 minute', '{"processed":12345678901234567890123}', '{}', 1, '[]',
       gen_random_uuid(), 'automation-runs', 0, n
  from generate_series(1, 30) n;
insert into gen_1.telemetry_counts (slot, kind, provider_id, service_id, rule_id, label, count) values
(0, 'orders', 'acme', null, null, null, 3000), (0, 'placed', 'acme', null, null, null, 2990),
(1, 'placed', 'acme', null, null, null, 10), (0, 'scheduled', 'acme', null, null, null, 30),
(0, 'failed', null, null, null, null, 2);
insert into gen_1.provider_names values
(0, 'acme', 'Acme', '2026-01-01T00:00:00Z', '00000000-0000-0000-0000-000000000001', 1);
insert into gen_1.dead_letters (topic, partition, "offset", key, value, headers, reason, detail)
select 'provider-orders', 1, n, ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::bytea, '\x00ff', '[]', 'malformed',
       'cut off'
  from generate_series(1, 30) n;
insert into gen_1.checkpoints (topic, partition, next_offset) values ('provider-orders', 1, 9000);
