-- What a bulk load keeps beside the tables of its generation until it is done. {schema} is gen_<N>.

-- Packed events of orders, by slice, until all of a slice are there. Two rows fill a page; none is cut up. Unlogged: a
-- third of the history needn't go through the WAL, to be there for some minutes. A crash of Postgres empties it.
create unlogged table {schema}.load_events (
    slice integer not null,
    events bytea not null
) with (toast_tuple_target = 8160);
alter table {schema}.load_events alter column events set storage external;

-- One row, until a crash of Postgres takes it, and the events with it.
create unlogged table {schema}.load_marker (
    is_there boolean not null
);
insert into {schema}.load_marker values (true);

-- Orders of which two events claim a sequence, or Postgres refused one: they are folded again from all their claims.
create table {schema}.load_tangled (
    slice integer not null,
    provider_order_id uuid primary key
);
create index on {schema}.load_tangled (slice);

-- Where in the log events lie again that were folded already.
create table {schema}.load_copies (
    partition integer not null,
    "offset" bigint not null
);

-- Slices whose orders are written.
create table {schema}.load_slices (
    slice integer primary key
);

-- Records read of each partition up to its checkpoint.
create table {schema}.load_counts (
    topic text not null,
    partition integer not null,
    records bigint not null,
    primary key (topic, partition)
);

-- How many slices there are, and which steps are done.
create table {schema}.load_steps (
    step text primary key,
    number bigint not null default 0
);
