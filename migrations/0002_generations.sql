-- More than one generation: how far a rebuild is, what it was made from, who runs, and what operators decided.
-- Binaries of schema version 1 work on beside this one: nothing that they use is changed.

alter table foldback.generations
    add column targets jsonb,
    add column until jsonb,
    add column progress jsonb,
    add column failure text,
    add column seen_at timestamptz;
comment on column foldback.generations.targets is 'Where the load of this generation ends: [{topic, partition, offset}, …], offsets exclusive; null: it was folded live from the start.';
comment on column foldback.generations.until is 'Of a generation that shows the views as they were: what was asked for. Such a one can''t be promoted.';
comment on column foldback.generations.progress is 'How far a rebuild of this generation is: phase, ratio, events, eventsPerSecond, etaSeconds.';
comment on column foldback.generations.failure is 'Why a check refused this generation.';
comment on column foldback.generations.seen_at is 'When the process that builds this generation last said so.';

create sequence foldback.generation_number;
select setval('foldback.generation_number', greatest(1, (select max(generation) from foldback.generations)));
-- Shadows of `foldback verify` have negative numbers and the schemas shadow_<number>; they go with it.
create sequence foldback.shadow_number;

create table foldback.instances (
    instance uuid primary key,
    projection_version integer not null,
    binary_version text not null,
    started_at timestamptz not null default now(),
    seen_at timestamptz not null default now()
);
comment on table foldback.instances is 'Every `foldback run` that was there lately, and the projection version that it folds.';

create table foldback.discards (
    topic text not null,
    partition integer not null,
    "offset" bigint not null,
    discarded_at timestamptz not null default now(),
    why text not null,
    primary key (topic, partition, "offset")
);
comment on table foldback.discards is 'Dead letters that an operator discarded, and why; holds in every generation.';

update foldback.schema_version set version = 2;
