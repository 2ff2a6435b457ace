-- The log's continuity: which leader epoch and which record stood before a checkpoint, and what every instance says of
-- itself. Binaries of older schema versions work on beside this one. They move next_offset alone: the others count only
-- while leader_epoch_offset is the same.

do $$
declare
    name text;
begin
    for name in
        select case when generation < 0 then 'shadow_' || -generation else 'gen_' || generation end
          from foldback.generations
    loop
        execute format(
            'alter table %I.checkpoints add column leader_epoch integer, add column leader_epoch_offset bigint,
                 add column last_record_offset bigint, add column last_record_millis bigint', name);
    end loop;
end
$$;

alter table foldback.instances add column conditions jsonb;
comment on column foldback.instances.conditions is 'What keeps the instance from being ready or what it does without, as /readyz has it: {name: {severity, since, detail}}.';

update foldback.schema_version set version = 3;
