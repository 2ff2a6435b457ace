-- Order 1: placed, three replays, one refill. Order 2: its OrderPlaced is missing.
insert into gen_1.provider_orders (provider_order_id, order_id, order_item_id, provider_id, provider_name, service_id,
    service_action, provider_reference, amount, currency, provider_cost, provider_cost_currency,
    minimum_margin_percent, service_rules, guardrail_status, placed_at, last_event_at, last_sequence, missing_events,
    fold_version, fold_seen, fold_registers)
values
('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-00000000000b',
 'acme', 'Acme', 'likes', null, null, 100, 'EUR', 60.5, 'EUR', 20, '[{"id":"r","label":null,"priority":3}]', 'pass',
 '2026-01-01T00:00:00Z', '2026-01-02T00:00:00.5Z', 5, 1, 1, '{1,3,5,5}', '{1,1,1,1,1,1,0,1}'),
('00000000-0000-0000-0000-000000000002', null, null, null, null, null, null, null, null, null, null, null, null, '[]',
 'idle', null, '2026-01-03T00:00:00Z', 2, 1, 1, '{2,2}', '{0,0,0,0,0,0,0,0}');

insert into gen_1.replays (provider_order_id, replay_id, provider_id, status, requested_amount, currency,
    scheduled_for, performed_at, response, error, rule_ids, rule_metadata, attempts, fold_registers, fold_failed)
values
('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000011', 'acme', 'scheduled', 1, 'EUR',
 '2999-01-01T00:00:00Z', null, null, null, '{r}', '{"a":"b"}', 0, '{2,2,0,0,0}', 0),
('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000012', 'acme', 'scheduled', 1, 'EUR',
 '2020-01-01T00:00:00Z', null, null, null, '{}', '{}', 0, '{3,3,0,0,0}', 0),
('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000013', 'acme', 'failed', -1.25, 'USD',
 null, '2026-01-02T00:00:00Z', null, 'no "answer"', '{}', '{}', 1, '{5,0,5,5,0}', 1),
('00000000-0000-0000-0000-000000000002', '00000000-0000-0000-0000-000000000021', null, 'scheduled', null, null,
 null, null, null, null, '{}', '{}', 0, '{0,2,0,0,0}', 0);

insert into gen_1.refills values
('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000031', 2.5, 'EUR', '2026-01-02T00:00:00Z', null, 3);

insert into gen_1.provider_order_events (provider_order_id, sequence, event_id, event_type, occurred_at, payload, topic, partition, "offset", recorded_at)
select '00000000-0000-0000-0000-000000000001', sequence, gen_random_uuid(), 'replay_cancelled', '2026-01-01T00:00:00Z',
       '{"replay_id":"00000000-0000-0000-0000-000000000011","reason":null}', 'provider-orders', 1, sequence + 40, null
  from unnest(array[1, 2, 3, 5]) sequence;

insert into gen_1.telemetry_counts (slot, kind, provider_id, service_id, rule_id, label, count) values
(0, 'orders', 'acme', null, null, null, 2), (1, 'orders', 'acme', null, null, null, -1), (0, 'orders', null, null, null, null, 1),
(0, 'placed', 'acme', null, null, null, 1), (0, 'failed', 'acme', null, null, null, 1),
(0, 'scheduled', 'acme', null, null, null, 3), (1, 'scheduled', 'acme', null, null, null, -1),
(0, 'scheduled', null, null, null, null, 1), (0, 'guardrail_pass', 'acme', 'likes', null, null, 1),
(0, 'rule', 'acme', 'likes', 'r', null, 1), (0, 'orders', 'gone', null, null, null, 1), (1, 'orders', 'gone', null, null, null, -1);
insert into gen_1.provider_names values
(0, 'acme', 'Old', '2025-01-01T00:00:00Z', '00000000-0000-0000-0000-000000000001', 1),
(1, 'acme', 'Acme', '2026-01-01T00:00:00Z', '00000000-0000-0000-0000-000000000001', 1);

insert into gen_1.automation_runs (run_id, run_type, status, started_at, ran_at, summary, metadata, revision, drift, event_id, topic, partition, "offset")
select ('00000000-0000-0000-0000-' || lpad(number::text, 12, '0'))::uuid, 'replay', 'success', null,
       timestamptz '2026-01-01T00:00:00Z' + number * interval '1 minute',
       ('{"processed":12345678901234567890123,"note":"a, \"b\"","number":' || number || '}')::jsonb, '{}', 1, '[]', gen_random_uuid(),
       'automation-runs', 0, number
  from generate_series(1, 120) number;
insert into gen_1.automation_runs (run_id, run_type, status, started_at, ran_at, summary, metadata, alerts_sent, revision, drift, event_id, topic, partition, "offset")
values ('00000000-0000-0000-0000-000000000999', 'alert', 'partial', '2026-02-01T00:00:00Z', '2026-02-01T00:00:01Z', '{}', '{"autoPausedProviders":["acme"]}', 4, 2, '[]',
        gen_random_uuid(), 'automation-runs', 0, 999);

insert into gen_1.dead_letters (id, topic, partition, "offset", key, value, headers, reason, detail, recorded_at)
values (1, 'provider-orders', 0, 41, 'k', 'nonsense', '[{"key":"traceparent","value":"MDAtMDE="},{"key":"none","value":null}]', 'malformed',
        'the value starts with neither', '2026-01-01T00:00:00Z');
