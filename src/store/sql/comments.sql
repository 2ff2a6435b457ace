-- Describes each stable view and column. Runs after stable_views.sql; a new column needs a sentence here.

comment on view foldback.provider_order_events is 'The history: every accepted provider-order event, one row per (provider_order_id, sequence).';
comment on column foldback.provider_order_events.provider_order_id is 'The order that the event is about.';
comment on column foldback.provider_order_events.sequence is 'Number of the event within its order, 1 to 2^53, assigned by the publisher.';
comment on column foldback.provider_order_events.event_id is 'Id of the event; a redelivered event keeps it.';
comment on column foldback.provider_order_events.event_type is 'Name of the payload in snake_case: order_placed, order_amended, replay_scheduled, replay_rescheduled, replay_executed, replay_failed, replay_cancelled, refill_recorded or order_cancelled.';
comment on column foldback.provider_order_events.occurred_at is 'When it happened, by the publisher''s clock; never used to sort the events of an order.';
comment on column foldback.provider_order_events.payload is 'JSON object of all the payload''s fields, named as in the Avro schema: times as ISO 8601 text with six digits and +00:00, decimals as text with four digits, Money as {"units":"12.3400","currency":"EUR"}.';
comment on column foldback.provider_order_events.topic is 'Kafka topic of the record.';
comment on column foldback.provider_order_events.partition is 'Kafka partition of the event''s first known copy, by (partition, offset); from 0.';
comment on column foldback.provider_order_events."offset" is 'Kafka offset of the event''s first known copy, by (partition, offset); from 0.';
comment on column foldback.provider_order_events.recorded_at is 'Timestamp of the Kafka record, to the millisecond; null if the record has none.';

comment on view foldback.provider_orders is 'Provider orders, as the result of all accepted events, one row per provider_order_id; an order whose OrderPlaced is missing has a null provider.';
comment on column foldback.provider_orders.provider_order_id is 'Id of the order on the provider''s side of fulfilment; the key of its records.';
comment on column foldback.provider_orders.order_id is 'The customer''s order; null while OrderPlaced is missing.';
comment on column foldback.provider_orders.order_item_id is 'The item of the customer''s order; null while OrderPlaced is missing.';
comment on column foldback.provider_orders.provider_id is 'Provider of the newest OrderPlaced, 1 to 64 characters; null while OrderPlaced is missing.';
comment on column foldback.provider_orders.provider_name is 'Provider''s name from the newest OrderPlaced of this order; null if it has none.';
comment on column foldback.provider_orders.service_id is 'Service of the newest OrderPlaced, 1 to 64 characters; null while OrderPlaced is missing.';
comment on column foldback.provider_orders.service_action is 'What the service does, from the newest OrderPlaced; null if it has none.';
comment on column foldback.provider_orders.provider_reference is 'The provider''s own id of the order, at most 256 characters; null if there is none.';
comment on column foldback.provider_orders.amount is 'Price of the order, in units of currency, with four digits after the point; may be negative.';
comment on column foldback.provider_orders.currency is 'Currency of amount, three uppercase letters (ISO 4217); null if and only if amount is.';
comment on column foldback.provider_orders.provider_cost is 'What the provider charges, in units of provider_cost_currency, with four digits after the point; may be negative.';
comment on column foldback.provider_orders.provider_cost_currency is 'Currency of provider_cost, three uppercase letters (ISO 4217); null if and only if provider_cost is.';
comment on column foldback.provider_orders.minimum_margin_absolute is 'Below this margin (amount - provider_cost, in units of currency) the guardrail fails; null: no such limit.';
comment on column foldback.provider_orders.minimum_margin_percent is 'Below this margin, in percent of amount, the guardrail fails; null: no such limit.';
comment on column foldback.provider_orders.warning_margin_percent is 'Below this margin, in percent of amount, the guardrail warns unless it fails; null: no such limit.';
comment on column foldback.provider_orders.service_rules is 'Service override rules of the order: JSON array of {"id":text,"label":text|null,"priority":integer|null}, in the publisher''s order; [] if there are none.';
comment on column foldback.provider_orders.guardrail_status is 'idle (not evaluated: guardrails, cost or amount missing, amount not above 0, or two currencies), pass, warn or fail.';
comment on column foldback.provider_orders.placed_at is 'occurred_at of the newest OrderPlaced; null while it is missing.';
comment on column foldback.provider_orders.last_event_at is 'occurred_at of the event with the highest sequence.';
comment on column foldback.provider_orders.last_sequence is 'Highest sequence accepted.';
comment on column foldback.provider_orders.missing_events is 'How many of the sequences 1 to last_sequence are missing; 0 if the order is complete.';
comment on column foldback.provider_orders.cancelled_at is 'occurred_at of the OrderCancelled with the highest sequence; null if the order was never cancelled.';
comment on column foldback.provider_orders.cancel_reason is 'Reason in that OrderCancelled; null if it has none.';

comment on view foldback.replays is 'Replays of orders, one row per (provider_order_id, replay_id).';
comment on column foldback.replays.provider_order_id is 'The order that is replayed.';
comment on column foldback.replays.replay_id is 'Id of the replay, unique within its order.';
comment on column foldback.replays.provider_id is 'Provider of the order; null while its OrderPlaced is missing.';
comment on column foldback.replays.status is 'scheduled, executed, failed or cancelled, by the event with the highest sequence; a scheduled one is cancelled by a later OrderCancelled.';
comment on column foldback.replays.requested_amount is 'Requested amount, in units of currency, with four digits after the point; null if no event has one.';
comment on column foldback.replays.currency is 'Currency of requested_amount, three uppercase letters (ISO 4217); null if and only if requested_amount is.';
comment on column foldback.replays.scheduled_for is 'When it is due; null: due immediately, or never scheduled.';
comment on column foldback.replays.performed_at is 'When the newest attempt was made; null before the first.';
comment on column foldback.replays.response is 'Provider''s answer to the newest attempt, as text; null if there was none.';
comment on column foldback.replays.error is 'Error of the newest failed attempt, even if a later one succeeded; null if none failed.';
comment on column foldback.replays.cancel_reason is 'Reason in the newest ReplayCancelled; null if it has none.';
comment on column foldback.replays.rule_ids is 'Rules behind the replay, in the publisher''s order; {} if there are none.';
comment on column foldback.replays.rule_metadata is 'What the publisher noted about the rules: JSON object of text to text; {} if there are none.';
comment on column foldback.replays.attempts is 'Number of accepted ReplayExecuted and ReplayFailed events.';

comment on view foldback.refills is 'Refills of orders, one row per (provider_order_id, refill_id), from the event with the highest sequence.';
comment on column foldback.refills.provider_order_id is 'The order that was refilled.';
comment on column foldback.refills.refill_id is 'Id of the refill, unique within its order.';
comment on column foldback.refills.amount is 'Amount of the refill, in units of currency, with four digits after the point.';
comment on column foldback.refills.currency is 'Currency of amount, three uppercase letters (ISO 4217).';
comment on column foldback.refills.performed_at is 'When the refill was made.';
comment on column foldback.refills.response is 'Provider''s answer, as text; null if there was none.';

comment on view foldback.automation_runs is 'Runs of the automation workers, one row per run_id: its highest revision.';
comment on column foldback.automation_runs.run_id is 'Id of the run; the key of its records.';
comment on column foldback.automation_runs.run_type is 'Which worker ran: replay or alert.';
comment on column foldback.automation_runs.status is 'unknown, success, partial or failed.';
comment on column foldback.automation_runs.started_at is 'When the run began; null if not reported.';
comment on column foldback.automation_runs.ran_at is 'When the run ended; sorts the runs of a type, with run_id as tie-breaker.';
comment on column foldback.automation_runs.summary is 'The run''s own summary, unchanged: a JSON object, see schemas/run-summary.schema.json.';
comment on column foldback.automation_runs.metadata is 'The run''s own metadata, unchanged: a JSON object, {} if there are none.';
comment on column foldback.automation_runs.backlog_total is 'Scheduled replays reported by the run; null if not reported. The current backlog is in the view backlog.';
comment on column foldback.automation_runs.next_scheduled_at is 'Earliest scheduled replay reported by the run; null if not reported.';
comment on column foldback.automation_runs.alerts_sent is 'Notifications that the run sent; null if not reported.';
comment on column foldback.automation_runs.revision is 'Highest revision received; this row shows it.';
comment on column foldback.automation_runs.drift is 'Where the summary deviates from schemas/run-summary.schema.json: JSON array, sorted by field, of {"field":text,"problem":"wrong_type"|"unknown_field"}, at most 100; [] without drift.';

comment on view foldback.backlog is 'Replays whose status is scheduled, one row per provider that has any; unknown provider: null.';
comment on column foldback.backlog.provider_id is 'Provider; null for orders whose OrderPlaced is missing.';
comment on column foldback.backlog.scheduled_backlog is 'How many replays are scheduled, always above 0.';
comment on column foldback.backlog.next_scheduled_at is 'Earliest scheduled_for among them; null if none of them has a time.';

comment on view foldback.provider_telemetry is 'Totals over the orders of each provider, one row per provider that an order names.';
comment on column foldback.provider_telemetry.provider_id is 'Provider, 1 to 64 characters.';
comment on column foldback.provider_telemetry.provider_name is 'Provider''s name from the latest accepted OrderPlaced that has one (by occurred_at, provider_order_id, sequence); null if none has.';
comment on column foldback.provider_telemetry.telemetry is 'JSON object of counts: {totalOrders, replays:{total,executed,failed,scheduled}, guardrails:{evaluated,pass,warn,fail}, guardrailHitsByService:{service_id:{evaluated,pass,warn,fail}}, ruleOverridesByService:{service_id:{totalOverrides,rules:{rule_id:{id,label,count}}}}}.';

comment on view foldback.checkpoints is 'How far each partition is folded, one row per (topic, partition); moves in the transaction that writes what was folded.';
comment on column foldback.checkpoints.topic is 'Kafka topic.';
comment on column foldback.checkpoints.partition is 'Kafka partition, from 0.';
comment on column foldback.checkpoints.next_offset is 'First offset that is not folded; everything before it is in the views or among the dead letters.';
comment on column foldback.checkpoints.updated_at is 'When the checkpoint last moved, by the database''s clock.';

comment on view foldback.dead_letters is 'Rejected records of the live generation, raw and in full: one row per record; for a sequence_conflict, one per losing event.';
comment on column foldback.dead_letters.id is 'Number of the dead letter, increasing and never given twice in a database; the command line refers to it.';
comment on column foldback.dead_letters.topic is 'Kafka topic of the record.';
comment on column foldback.dead_letters.partition is 'Kafka partition of the record, from 0.';
comment on column foldback.dead_letters."offset" is 'Kafka offset of the record, from 0.';
comment on column foldback.dead_letters.key is 'Key of the record, byte for byte; null if it is null.';
comment on column foldback.dead_letters.value is 'Value of the record, byte for byte; null if it is null.';
comment on column foldback.dead_letters.headers is 'Headers of the record in their order: JSON array of {"key":text,"value":base64 text|null}; [] if there are none.';
comment on column foldback.dead_letters.reason is 'malformed, schema_unknown, schema_incompatible, invalid, key_mismatch, sequence_conflict or too_large.';
comment on column foldback.dead_letters.detail is 'What is wrong with it, in a sentence.';
comment on column foldback.dead_letters.first_seen_at is 'When it was first stored, by the database''s clock.';
comment on column foldback.dead_letters.redriven_at is 'When its bytes were sent through the fold again and accepted; null: never.';
comment on column foldback.dead_letters.discarded_at is 'When an operator discarded it; null if not discarded.';
comment on column foldback.dead_letters.generation is 'Number of the generation that rejected it.';
