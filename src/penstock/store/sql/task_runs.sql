-- name: facts
select t.doc, r.state_type, r.doc from task_runs t left join flow_runs r on r.id = t.flow_run_id where t.id = :id

-- name: lock_task
select id from task_runs where id = :id

-- name: lock_task (postgres)
select id from task_runs where id = :id for update

-- name: read_tasks
select doc from task_runs where id in (select value from json_each(:ids))

-- name: read_tasks (postgres)
select doc from task_runs where id in (select jsonb_array_elements_text(:ids)) order by id for update

-- name: by_key
select id from task_runs
where coalesce(flow_run_id, '') = :flow_run_id and task_key = :task_key and dynamic_key = :dynamic_key

-- name: write_task
insert into task_runs (id, name, flow_run_id, task_key, dynamic_key, tags, state_id, state_type, state_name,
    state_timestamp, start_time, end_time, expected_start_time, next_scheduled_start_time, total_run_time,
    created, updated, doc)
values (:id, :name, :flow_run_id, :task_key, :dynamic_key, :tags, :state_id, :state_type, :state_name,
    :state_timestamp, :start_time, :end_time, :expected_start_time, :next_scheduled_start_time, :total_run_time,
    :created, :updated, :doc)
on conflict (id) do update set name = excluded.name, tags = excluded.tags, state_id = excluded.state_id,
    state_type = excluded.state_type, state_name = excluded.state_name, state_timestamp = excluded.state_timestamp,
    start_time = excluded.start_time, end_time = excluded.end_time,
    expected_start_time = excluded.expected_start_time,
    next_scheduled_start_time = excluded.next_scheduled_start_time, total_run_time = excluded.total_run_time,
    updated = excluded.updated, doc = excluded.doc

-- name: insert_task
insert into task_runs (id, name, flow_run_id, task_key, dynamic_key, tags, state_id, state_type, state_name,
    state_timestamp, start_time, end_time, expected_start_time, next_scheduled_start_time, total_run_time,
    created, updated, doc)
values (:id, :name, :flow_run_id, :task_key, :dynamic_key, :tags, :state_id, :state_type, :state_name,
    :state_timestamp, :start_time, :end_time, :expected_start_time, :next_scheduled_start_time, :total_run_time,
    :created, :updated, :doc)
on conflict do nothing
returning id

-- name: insert_state
insert into task_run_states (id, task_run_id, timestamp, doc) values (:id, :task_run_id, :timestamp, :doc)
on conflict (id) do nothing

-- name: list_states
select doc from task_run_states where task_run_id = :task_run_id order by timestamp, id

-- name: read_state
select doc from task_run_states where id = :id

-- name: known_states
select id from task_run_states where id in (select value from json_each(:ids))

-- name: known_states (postgres)
select id from task_run_states where id in (select jsonb_array_elements_text(:ids))

-- name: ids_by_keys
select t.flow_run_id, t.task_key, t.dynamic_key, t.id
from json_each(:keys) k join task_runs t on coalesce(t.flow_run_id, '') = json_extract(k.value, '$[0]')
    and t.task_key = json_extract(k.value, '$[1]') and t.dynamic_key = json_extract(k.value, '$[2]')

-- name: ids_by_keys (postgres)
select t.flow_run_id, t.task_key, t.dynamic_key, t.id
from jsonb_array_elements(:keys) k join task_runs t on coalesce(t.flow_run_id, '') = k ->> 0
    and t.task_key = k ->> 1 and t.dynamic_key = k ->> 2

-- name: delete_task
delete from task_runs where id = :id returning id

-- name: delete_states
delete from task_run_states where task_run_id = :id

-- name: cached
select doc from task_run_cache where cache_key = :cache_key and (expires_at is null or expires_at > :now)
order by created desc limit 1

-- name: keep_cached
insert into task_run_cache (cache_key, created, expires_at, doc) values (:cache_key, :now, :expires_at, :doc)
on conflict do nothing

-- name: tag_limits
select l.id, l.name, l.max_slots, coalesce((select sum(x.slots) from limit_leases x
    where x.limit_id = l.id and x.expires_at > :now and coalesce(x.holder_id, '') <> :holder), 0)
from limits l where l.active and l.name in (select 'tag:' || value from json_each(:tags)) order by l.id

-- name: tag_limits (postgres)
select l.id, l.name, l.max_slots, coalesce((select sum(x.slots) from limit_leases x
    where x.limit_id = l.id and x.expires_at > :now and coalesce(x.holder_id, '') <> :holder), 0)
from limits l where l.active and l.name in (select 'tag:' || jsonb_array_elements_text(:tags)) order by l.id for update of l

-- name: hold_tag
insert into limit_leases (id, limit_id, slots, holder_type, holder_id, acquired_at, expires_at)
values (:lease, :limit_id, 1, 'task_run', :holder, :now, :expires_at)
on conflict do nothing

-- name: release_tags
delete from limit_leases where holder_type = 'task_run' and holder_id = :holder
    and limit_id in (select id from limits where name >= 'tag:' and name < 'tag;')
