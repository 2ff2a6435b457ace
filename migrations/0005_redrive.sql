-- Redriving dead letters: ids that are never given twice, so that an id from one generation's list can't hit another
-- generation's record, the record's timestamp, and what became of a redrive. Binaries of older schema versions work on
-- beside this one: they leave the new columns null.

create sequence foldback.dead_letter_id;

do $$
declare
    name text;
    is_live boolean;
    highest bigint := 0;
    own bigint;
begin
    for name in
        select case when generation < 0 then 'shadow_' || -generation else 'gen_' || generation end
          from foldback.generations
    loop
        execute format('select coalesce(max(id), 0) from %I.dead_letters', name) into own;
        highest := greatest(highest, own);
    end loop;
    perform setval('foldback.dead_letter_id', highest + 1, false);
    for name, is_live in
        select case when generation < 0 then 'shadow_' || -generation else 'gen_' || generation end, state = 'live'
          from foldback.generations
    loop
        execute format('alter table %I.dead_letters alter column id drop identity if exists', name);
        execute format('alter table %I.dead_letters alter column id set default nextval(''foldback.dead_letter_id'')', name);
        execute format('alter table %I.dead_letters add column redriven_as text, add column recorded_at timestamptz', name);
        -- Those of the live generation keep the ids that operators have seen.
        if not is_live then
            execute format('update %I.dead_letters set id = default', name);
        end if;
    end loop;
end
$$;

update foldback.schema_version set version = 5;
