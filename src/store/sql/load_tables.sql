-- What a bulk load keeps beside the tables of its generation until it is done. {schema} is gen_<N>.

-- Partial states of orders, as of the cut that wrote them; those of one order are joined at the end.
create table {schema}.load_states (
    slice integer not null,
    provider_order_id uuid not null,
    state bytea not null
);
alter table {schema}.load_states alter column state set storage external;

-- Orders of which a sequence came twice: they are folded again from all their claims.
create table {schema}.load_tangled (
    slice integer not null,
    provider_order_id uuid primary key
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
