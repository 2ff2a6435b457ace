insert into foldback.generations
    (generation, state, projection_version, created_by, binary_version, origin, progress, failure, seen_at)
values
    (2, 'failed', 1, 'test', '0', '{}', null, 'it is empty', null),
    (3, 'building', 1, 'test', '0', '{"from": "the start"}',
     '{"phase": "catching_up", "ratio": 0.25, "events": 7, "eventsPerSecond": 1.5, "etaSeconds": 9}', null, now()),
    (-1, 'building', 1, 'test', '0', '{}', null, null, now());
