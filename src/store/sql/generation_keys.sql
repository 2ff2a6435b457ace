-- Keys and indexes of the tables that a bulk load fills: built at its end, one statement per line, so that several
-- connections can build in parallel.
alter table {schema}.provider_order_events add constraint provider_order_events_pkey primary key (provider_order_id, sequence);
create index if not exists provider_names_given on {schema}.provider_order_events ((payload->>'provider_id'), occurred_at desc, provider_order_id desc, sequence desc) where event_type = 'order_placed' and payload->>'provider_name' is not null;
alter table {schema}.provider_orders add constraint provider_orders_pkey primary key (provider_order_id);
create index if not exists provider_orders_with_gaps on {schema}.provider_orders (provider_order_id) where missing_events > 0;
alter table {schema}.replays add constraint replays_pkey primary key (provider_order_id, replay_id);
alter table {schema}.refills add constraint refills_pkey primary key (provider_order_id, refill_id);
create index if not exists replays_due_with_provider on {schema}.replays (scheduled_for nulls first) include (provider_id) where status = 'scheduled';
create index if not exists replays_due_by_provider on {schema}.replays (provider_id, scheduled_for) where status = 'scheduled';
create index if not exists replays_by_status on {schema}.replays (status, provider_order_id, replay_id);
create index if not exists replays_by_provider on {schema}.replays (provider_id, status, provider_order_id, replay_id);
