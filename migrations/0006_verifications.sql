-- What each verification compared and what it came to, so that a proof can be shown, exported and alerted on. Binaries of
-- older schema versions work on beside this one: they record none. `foldback migrate` also builds the index of orders that
-- miss events, after this transaction (src/store/generations/indexes.rs).

create table foldback.verifications (
    id bigint generated always as identity primary key,
    generation integer not null references foldback.generations on delete cascade,
    projection_version integer not null,
    binary_version text not null,
    -- verify, run or rebuild, and the host
    started_by text not null,
    started_at timestamptz not null,
    -- of the orders and runs, how many in a million were compared; 1,000,000: all, and every total
    per_million integer not null,
    finished_at timestamptz,
    -- null while it runs
    result text check (result in ('equal', 'different', 'failed')),
    -- how many differences were found
    differences bigint,
    -- how many by view
    found jsonb,
    -- what was not compared, and why
    not_checked jsonb,
    -- rows that were compared
    rows bigint,
    -- the positions of the log at which the views were compared: [{"topic", "partition", "nextOffset"}, …]
    checkpoints jsonb,
    -- why it failed
    failure text,
    check ((result is null) = (finished_at is null))
);

create index verifications_of_generation on foldback.verifications (generation, id desc);

update foldback.schema_version set version = 6;
