-- Roles for foldback, by psql, as a superuser and in foldback's own database:
--
--   psql -d foldback -v migrator=foldback_migrator -v runtime=foldback_runtime -v reader=foldback_reader \
--        -f config/postgres-roles.sql
--
-- Then `foldback migrate` as the migrator, and this file once more: the reader is granted views that are there by then.
-- It may be run again at any time. It sets no passwords: \password foldback_migrator, and so on.
--
--   migrator   owns foldback's schemas. For what makes, replaces or drops views and tables: migrate, rebuild, verify,
--              generations promote|rollback|drop. Nothing that runs all day needs it.
--   runtime    reads and writes rows. For `foldback run`, and for every other verb.
--   reader     reads the stable views, of whichever generation is live. For reports; it sees no dead letters, whose bytes
--              may be anything, and none of foldback's own tables.

\set ON_ERROR_STOP on
\if :{?migrator}
\else
\set migrator foldback_migrator
\endif
\if :{?runtime}
\else
\set runtime foldback_runtime
\endif
\if :{?reader}
\else
\set reader foldback_reader
\endif

begin;

select format('create role %I login', name)
  from unnest(array[:'migrator', :'runtime', :'reader']) wanted(name)
 where not exists (select from pg_roles where rolname = name)
\gexec

grant connect on database :"DBNAME" to :"migrator", :"runtime", :"reader";
-- A generation is a schema of its own.
grant create, temporary on database :"DBNAME" to :"migrator";
-- Rows are staged in temporary tables.
grant temporary on database :"DBNAME" to :"runtime";
-- Only where `foldback run` verifies (verify.every_ms), in a schema that it makes for that:
-- grant create on database :"DBNAME" to :"runtime";
-- A cut-over waits for transactions that still see what was: to see when those of others began.
grant pg_read_all_stats to :"migrator";

create schema if not exists foldback authorization :"migrator";

-- What the migrator makes from now on: each next generation too.
alter default privileges for role :"migrator" grant usage on schemas to :"runtime";
alter default privileges for role :"migrator" grant select, insert, update, delete on tables to :"runtime";
alter default privileges for role :"migrator" grant usage on sequences to :"runtime";

-- What is there already.
select format('grant usage on schema %1$I to %2$I; '
              'grant select, insert, update, delete on all tables in schema %1$I to %2$I; '
              'grant usage on all sequences in schema %1$I to %2$I', nspname, :'runtime')
  from pg_namespace
 where nspname = 'foldback' or nspname ~ '^gen_[0-9]+$'
\gexec

grant usage on schema foldback to :"reader";
select to_regclass('foldback.provider_orders') is not null as is_migrated
\gset
\if :is_migrated
-- A view keeps what is granted on it, whatever generation it shows.
grant select on foldback.provider_order_events, foldback.provider_orders, foldback.replays, foldback.refills,
                foldback.automation_runs, foldback.backlog, foldback.provider_telemetry, foldback.checkpoints
   to :"reader";
-- Only if reports need it: the bytes of a dead letter may be anything.
-- grant select on foldback.dead_letters to :"reader";
\else
\echo 'There are no views yet: run `foldback migrate` as' :migrator 'and then this file once more, for' :reader
\endif

commit;
