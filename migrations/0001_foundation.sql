-- What is there once, whatever generation is live. Tables of a generation: src/store/sql/generation.sql.

create schema if not exists foldback;
comment on schema foldback is 'Stable views over the live generation of foldback, and its own bookkeeping.';

-- Which binaries this database serves: `run` refuses outside [oldest_binary, version].
create table foldback.schema_version (
    singleton boolean primary key default true check (singleton),
    version integer not null,
    oldest_binary integer not null
);
comment on table foldback.schema_version is 'Version of the database schema, and the oldest schema version a binary may have been built for to work with it.';
insert into foldback.schema_version (version, oldest_binary) values (1, 1);

create table foldback.generations (
    generation integer primary key,
    state text not null check (state in ('building', 'ready', 'live', 'kept', 'failed')),
    projection_version integer not null,
    created_at timestamptz not null default now(),
    promoted_at timestamptz,
    created_by text not null,
    binary_version text not null,
    origin jsonb not null default '{}'
);
comment on table foldback.generations is 'Every complete set of views, each in its own schema gen_<generation>; exactly one is live.';
create unique index generations_one_live on foldback.generations ((true)) where state = 'live';

create table foldback.publication (
    singleton boolean primary key default true check (singleton),
    epoch bigint not null,
    version bigint not null
);
comment on table foldback.publication is 'Epoch and version of the newest publication to Redis: the publisher takes the next version under this row''s lock.';
insert into foldback.publication (epoch, version) values (1, 0);

create table foldback.flood_allowances (
    topic text not null,
    partition integer not null,
    "offset" bigint not null,
    allowed_at timestamptz not null default now(),
    primary key (topic, partition, "offset")
);
comment on table foldback.flood_allowances is 'Records at which an operator let a streak of refusals pass; holds in every generation.';
