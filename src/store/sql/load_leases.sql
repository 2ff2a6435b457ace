-- Who takes part in a load, and who reads which partition of it. {schema} is gen_<N>.

-- The processes; a number for each that none of the load had before.
create table if not exists {schema}.load_members (
    member integer generated always as identity primary key,
    -- user and host
    process text not null,
    -- Whether it is the rebuild itself, of which only one runs at a time. The others have joined it.
    leads boolean not null,
    seen_at timestamptz not null default clock_timestamp()
);

-- Who reads a partition, until when unless it is renewed: who was killed or frozen renews nothing.
create table if not exists {schema}.load_leases (
    topic text not null,
    partition integer not null,
    member integer not null,
    expires_at timestamptz not null,
    primary key (topic, partition)
);
