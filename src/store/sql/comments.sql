-- What each stable view and column holds. Runs after stable_views.sql; a new column gets its sentence here.

comment on view foldback.provider_order_events is 'The history: every accepted provider-order event, one row per (provider_order_id, sequence).';
comment on column foldback.provider_order_events.provider_order_id is 'The order that the event is about.';
comment on column foldback.provider_order_events.sequence is 'Version of the order that this event makes, 1 to 2^53, given by the publisher.';
comment on column foldback.provider_order_events.event_id is 'Id of the event; a redelivered event keeps it.';
comment on column foldback.provider_order_events.event_type is 'Name of the payload in snake_case: order_placed, order_amended, replay_scheduled, replay_rescheduled, replay_executed, replay_failed, replay_cancelled, refill_recorded or order_cancelled.';
comment on column foldback.provider_order_events.occurred_at is 'When it happened, by the publisher''s clock; never used to order the events of one order.';
comment on column foldback.provider_order_events.payload is 'JSON object of all the payload''s fields by the Avro schema''s names: times as ISO 8601 text with six digits and +00:00, decimals as text with four digits, Money as {"units":"12.3400","currency":"EUR"}.';
comment on column foldback.provider_order_events.topic is 'Kafka topic of the record.';
comment on column foldback.provider_order_events.partition is 'Kafka partition of the event''s smallest copy known to stand here, from 0.';
comment on column foldback.provider_order_events."offset" is 'Kafka offset of the event''s smallest copy known to stand here, from 0.';
comment on column foldback.provider_order_events.recorded_at is 'Timestamp of the Kafka record, to the millisecond; null where the record has none.';

comment on view foldback.provider_orders is 'Provider orders as all accepted events leave them, one row per provider_order_id; an order whose OrderPlaced is missing is there with unknown provider.';
comment on column foldback.provider_orders.provider_order_id is 'Id of the order at the provider''s side of fulfilment; key of its records.';
comment on column foldback.provider_orders.order_id is 'The customer''s order; null while OrderPlaced is missing.';
comment on column foldback.provider_orders.order_item_id is 'The item of the customer''s order; null while OrderPlaced is missing.';
comment on column foldback.provider_orders.provider_id is 'Provider of the newest OrderPlaced, 1 to 64 characters; null while OrderPlaced is missing.';
comment on column foldback.provider_orders.provider_name is 'Provider''s name as the newest OrderPlaced of this order gave it; null where it gave none.';
comment on column foldback.provider_orders.service_id is 'Service of the newest OrderPlaced, 1 to 64 characters; null while OrderPlaced is missing.';
comment on column foldback.provider_orders.service_action is 'What the service does, as the newest OrderPlaced gave it; null where it gave none.';
comment on column foldback.provider_orders.provider_reference is 'The provider''s own id of the order, at most 256 characters; null where there is none.';
comment on column foldback.provider_orders.amount is 'What the order is sold for, in units of currency, with four digits behind the point; may be negative.';
comment on column foldback.provider_orders.currency is 'Currency of amount, three capital letters (ISO 4217); null exactly where amount is.';
comment on column foldback.provider_orders.provider_cost is 'What the provider charges, in units of provider_cost_currency, with four digits behind the point; may be negative.';
comment on column foldback.provider_orders.provider_cost_currency is 'Currency of provider_cost, three capital letters (ISO 4217); null exactly where provider_cost is.';
comment on column foldback.provider_orders.minimum_margin_absolute is 'Below this margin (amount - provider_cost, in units of currency) the guardrail fails; null: no such limit.';
comment on column foldback.provider_orders.minimum_margin_percent is 'Below this margin, in percent of amount, the guardrail fails; null: no such limit.';
comment on column foldback.provider_orders.warning_margin_percent is 'Below this margin, in percent of amount, the guardrail warns unless it fails; null: no such limit.';
comment on column foldback.provider_orders.service_rules is 'Service override rules of the order: JSON array of {"id":text,"label":text|null,"priority":integer|null}, in the publisher''s order; [] without any.';
comment on column foldback.provider_orders.guardrail_status is 'idle (not evaluated: guardrails, cost or amount missing, amount not above 0, or two currencies), pass, warn or fail.';
comment on column foldback.provider_orders.placed_at is 'occurred_at of the newest OrderPlaced; null while it is missing.';
comment on column foldback.provider_orders.last_event_at is 'occurred_at of the event with the highest sequence.';
comment on column foldback.provider_orders.last_sequence is 'Highest sequence accepted.';
comment on column foldback.provider_orders.missing_events is 'How many of the sequences 1 to last_sequence have not come; 0 when the order is whole.';
comment on column foldback.provider_orders.cancelled_at is 'occurred_at of the OrderCancelled with the highest sequence; null where the order was never cancelled.';
comment on column foldback.provider_orders.cancel_reason is 'Reason that this OrderCancelled gave; null where it gave none.';

comment on view foldback.replays is 'Replays of orders, one row per (provider_order_id, replay_id).';
comment on column foldback.replays.provider_order_id is 'The order that is replayed.';
comment on column foldback.replays.replay_id is 'Id of the replay, unique within its order.';
comment on column foldback.replays.provider_id is 'Provider of the order; null while its OrderPlaced is missing.';
comment on column foldback.replays.status is 'scheduled, executed, failed or cancelled, by the event with the highest sequence; a scheduled one is cancelled by a later OrderCancelled.';
comment on column foldback.replays.requested_amount is 'Amount asked for, in units of currency, with four digits behind the point; null where no event gave one.';
comment on column foldback.replays.currency is 'Currency of requested_amount, three capital letters (ISO 4217); null exactly where requested_amount is.';
comment on column foldback.replays.scheduled_for is 'When it is due; null: due at once, or never scheduled.';
comment on column foldback.replays.performed_at is 'When the newest attempt was made; null before the first.';
comment on column foldback.replays.response is 'Provider''s answer to the newest attempt, as text; null where there was none.';
comment on column foldback.replays.error is 'Error of the newest failed attempt, also when a later one succeeded; null without a failed attempt.';
comment on column foldback.replays.cancel_reason is 'Reason of the newest ReplayCancelled; null where there is none.';
comment on column foldback.replays.rule_ids is 'Rules behind the replay, in the publisher''s order; {} without any.';
comment on column foldback.replays.rule_metadata is 'What the publisher noted about the rules: JSON object of text to text; {} without any.';
comment on column foldback.replays.attempts is 'How many ReplayExecuted and ReplayFailed events were accepted.';

comment on view foldback.refills is 'Refills of orders, one row per (provider_order_id, refill_id), as the event with the highest sequence tells it.';
comment on column foldback.refills.provider_order_id is 'The order that was refilled.';
comment on column foldback.refills.refill_id is 'Id of the refill, unique within its order.';
comment on column foldback.refills.amount is 'Amount of the refill, in units of currency, with four digits behind the point.';
comment on column foldback.refills.currency is 'Currency of amount, three capital letters (ISO 4217).';
comment on column foldback.refills.performed_at is 'When the refill was made.';
comment on column foldback.refills.response is 'Provider''s answer, as text; null where there was none.';

comment on view foldback.automation_runs is 'Runs of the automation workers, one row per run_id: its highest revision.';
comment on column foldback.automation_runs.run_id is 'Id of the run; key of its records.';
comment on column foldback.automation_runs.run_type is 'Which worker ran: replay or alert.';
comment on column foldback.automation_runs.status is 'unknown, success, partial or failed.';
comment on column foldback.automation_runs.started_at is 'When the run began; null where it was not reported.';
comment on column foldback.automation_runs.ran_at is 'When the run ended; orders the runs of one type, run_id breaks a tie.';
comment on column foldback.automation_runs.summary is 'The run''s own summary, unchanged: a JSON object, see schemas/run-summary.schema.json.';
comment on column foldback.automation_runs.metadata is 'The run''s own metadata, unchanged: a JSON object, {} without any.';
comment on column foldback.automation_runs.backlog_total is 'Scheduled replays that the run reported; null where it did not. The backlog as of now is in the view backlog.';
comment on column foldback.automation_runs.next_scheduled_at is 'Earliest scheduled replay that the run reported; null where it did not.';
comment on column foldback.automation_runs.alerts_sent is 'Notifications that the run sent; null where it was not reported.';
comment on column foldback.automation_runs.revision is 'Revision that stands: the highest that came.';
comment on column foldback.automation_runs.drift is 'Where the summary as shown departs from schemas/run-summary.schema.json: JSON array, sorted by field, of {"field":text,"problem":"wrong_type"|"unknown_field"}, at most 100; [] without drift.';

comment on view foldback.backlog is 'Replays whose status is scheduled, one row per provider that has any; unknown provider: null.';
comment on column foldback.backlog.provider_id is 'Provider; null for orders whose OrderPlaced is missing.';
comment on column foldback.backlog.scheduled_backlog is 'How many replays are scheduled, always above 0.';
comment on column foldback.backlog.next_scheduled_at is 'Earliest scheduled_for among them; null where none of them has a time.';

comment on view foldback.provider_telemetry is 'What the orders of each provider add up to, one row per provider that an order names.';
comment on column foldback.provider_telemetry.provider_id is 'Provider, 1 to 64 characters.';
comment on column foldback.provider_telemetry.provider_name is 'Provider''s name by the latest accepted OrderPlaced that gave one (by occurred_at, provider_order_id, sequence); null where none did.';
comment on column foldback.provider_telemetry.telemetry is 'JSON object of counts: {totalOrders, replays:{total,executed,failed,scheduled}, guardrails:{evaluated,pass,warn,fail}, guardrailHitsByService:{service_id:{evaluated,pass,warn,fail}}, ruleOverridesByService:{service_id:{totalOverrides,rules:{rule_id:{id,label,count}}}}}.';

comment on view foldback.checkpoints is 'How far each partition is folded, one row per (topic, partition); moves in the transaction that writes what was folded.';
comment on column foldback.checkpoints.topic is 'Kafka topic.';
comment on column foldback.checkpoints.partition is 'Kafka partition, from 0.';
comment on column foldback.checkpoints.next_offset is 'First offset that is not folded; everything before it is in the views or among the dead letters.';
comment on column foldback.checkpoints.updated_at is 'When the checkpoint last moved, by the database''s clock.';

comment on view foldback.dead_letters is 'Refused records of the live generation, raw and whole: one row per record, for a sequence_conflict one per event that lost.';
comment on column foldback.dead_letters.id is 'Number of the dead letter, growing; what the command line calls it by.';
comment on column foldback.dead_letters.topic is 'Kafka topic of the record.';
comment on column foldback.dead_letters.partition is 'Kafka partition of the record, from 0.';
comment on column foldback.dead_letters."offset" is 'Kafka offset of the record, from 0.';
comment on column foldback.dead_letters.key is 'Key of the record, byte for byte; null where it is null.';
comment on column foldback.dead_letters.value is 'Value of the record, byte for byte; null where it is null.';
comment on column foldback.dead_letters.headers is 'Headers of the record in their order: JSON array of {"key":text,"value":base64 text|null}; [] without any.';
comment on column foldback.dead_letters.reason is 'malformed, schema_unknown, schema_incompatible, invalid, key_mismatch, sequence_conflict or too_large.';
comment on column foldback.dead_letters.detail is 'What is wrong with it, in a sentence.';
comment on column foldback.dead_letters.first_seen_at is 'When it was first stored, by the database''s clock.';
comment on column foldback.dead_letters.redriven_at is 'When its bytes were last sent through the fold again; null: never.';
comment on column foldback.dead_letters.discarded_at is 'When an operator discarded it; null: not discarded.';
comment on column foldback.dead_letters.generation is 'Number of the generation that refused it.';
