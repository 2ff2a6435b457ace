comment on view foldback.provider_order_events is 'The history: every accepted provider-order event, one row per (provider_order_id, sequence).';
