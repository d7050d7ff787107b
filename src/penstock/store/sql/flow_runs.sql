-- name: facts
select r.doc, r.attempt, r.lease_holder, r.lease_expires_at, f.name, d.name, q.name, p.id, p.name, p.type,
       d.limit_id, d.cancel_new, d.grace_seconds
from flow_runs r
left join flows f on f.id = r.flow_id
left join deployments d on d.id = r.deployment_id
left join work_queues q on q.id = r.work_queue_id
left join work_pools p on p.id = q.work_pool_id
where r.id = :id

-- name: lock_run
select id from flow_runs where id = :id

-- name: lock_run (postgres)
select id from flow_runs where id = :id for update

-- name: surroundings
select f.doc, d.doc, q.name, p.id, p.name, p.type
from flows f
left join deployments d on d.id = :deployment_id
left join work_queues q on q.id = :work_queue_id
left join work_pools p on p.id = q.work_pool_id
where f.id = :flow_id

-- name: surroundings (postgres)
select f.doc, d.doc, q.name, p.id, p.name, p.type
from flows f
left join deployments d on d.id = cast(:deployment_id as text)
left join work_queues q on q.id = cast(:work_queue_id as text)
left join work_pools p on p.id = q.work_pool_id
where f.id = :flow_id

-- name: insert_run
insert into flow_runs (id, name, flow_id, deployment_id, work_queue_id, parent_task_run_id, idempotency_key, tags,
    state_id, state_type, state_name, state_timestamp, start_time, end_time, expected_start_time,
    next_scheduled_start_time, total_run_time, run_count, auto_scheduled, retry_type, created, updated, doc)
values (:id, :name, :flow_id, :deployment_id, :work_queue_id, :parent_task_run_id, :idempotency_key, :tags,
    :state_id, :state_type, :state_name, :state_timestamp, :start_time, :end_time, :expected_start_time,
    :next_scheduled_start_time, :total_run_time, :run_count, :auto_scheduled, :retry_type, :created, :updated, :doc)
on conflict do nothing
returning id

-- name: insert_run_whole (postgres)
with made as (
    insert into flow_runs (id, name, flow_id, deployment_id, work_queue_id, parent_task_run_id, idempotency_key, tags,
        state_id, state_type, state_name, state_timestamp, start_time, end_time, expected_start_time,
        next_scheduled_start_time, total_run_time, run_count, auto_scheduled, retry_type, created, updated, doc)
    values (:id, :name, :flow_id, :deployment_id, :work_queue_id, :parent_task_run_id, :idempotency_key, :tags,
        :state_id, :state_type, :state_name, :state_timestamp, :start_time, :end_time, :expected_start_time,
        :next_scheduled_start_time, :total_run_time, :run_count, :auto_scheduled, :retry_type, :created, :updated, :doc)
    on conflict do nothing
    returning id
), kept as (
    insert into flow_run_states (id, flow_run_id, timestamp, doc)
    select cast(:state_id as text), id, cast(:state_timestamp as bigint), cast(:state_doc as text) from made
), told as (
    insert into events (id, occurred, event, resource_id, related, doc)
    select cast(:state_id as text), cast(:state_timestamp as bigint), cast(:event as text),
           cast(:resource_id as text), cast(:related as jsonb), cast(:event_doc as text) from made
)
select id from made

-- A state changes no name, tags, or place; naming them here would rewrite their indexes.
-- name: change_run
update flow_runs set
    state_id = :state_id, state_type = :state_type, state_name = :state_name, state_timestamp = :state_timestamp,
    start_time = :start_time, end_time = :end_time, expected_start_time = :expected_start_time,
    next_scheduled_start_time = :next_scheduled_start_time, total_run_time = :total_run_time, run_count = :run_count,
    retry_type = :retry_type, lease_holder = :lease_holder, lease_expires_at = :lease_expires_at, attempt = :attempt,
    updated = :updated, doc = :doc
where id = :id and state_id = :seen and doc = :seen_doc
returning id

-- name: change_run_whole (postgres)
with changed as (
    update flow_runs set
        state_id = :state_id, state_type = :state_type, state_name = :state_name, state_timestamp = :state_timestamp,
        start_time = :start_time, end_time = :end_time, expected_start_time = :expected_start_time,
        next_scheduled_start_time = :next_scheduled_start_time, total_run_time = :total_run_time,
        run_count = :run_count, retry_type = :retry_type, lease_holder = :lease_holder,
        lease_expires_at = :lease_expires_at, attempt = :attempt, updated = :updated, doc = :doc
    where id = :id and state_id = :seen and doc = :seen_doc
    returning id
), kept as (
    insert into flow_run_states (id, flow_run_id, timestamp, doc)
    select cast(:state_id as text), id, cast(:state_timestamp as bigint), cast(:state_doc as text) from changed
), told as (
    insert into events (id, occurred, event, resource_id, related, doc)
    select cast(:state_id as text), cast(:state_timestamp as bigint), cast(:event as text),
           cast(:resource_id as text), cast(:related as jsonb), cast(:event_doc as text) from changed
)
select id from changed

-- name: set_cancel_by
update flow_runs set cancel_by = :now + 1000000 * coalesce((
    select json_extract(d.doc, '$.cancellation_grace_seconds') from deployments d
    where d.id = flow_runs.deployment_id), :seconds)
where id = :id

-- name: set_cancel_by (postgres)
update flow_runs set cancel_by = cast(:now as bigint) + 1000000 * coalesce((
    select cast(cast(d.doc as jsonb) ->> 'cancellation_grace_seconds' as double precision) from deployments d
    where d.id = flow_runs.deployment_id), cast(:seconds as double precision))
where id = :id

-- name: rewrite_run
update flow_runs set name = :name, tags = :tags, deployment_id = :deployment_id, work_queue_id = :work_queue_id,
    retry_type = :retry_type, updated = :updated, doc = :doc
where id = :id and doc = :seen_doc
returning id

-- name: insert_state
insert into flow_run_states (id, flow_run_id, timestamp, doc) values (:state_id, :id, :state_timestamp, :state_doc)

-- name: insert_event
insert into events (id, occurred, event, resource_id, related, doc)
values (:state_id, :state_timestamp, :event, :resource_id, :related, :event_doc)

-- name: list_states
select doc from flow_run_states where flow_run_id = :flow_run_id order by timestamp, id

-- name: read_state
select doc from flow_run_states where id = :id

-- name: id_by_key
select id from flow_runs where flow_id = :flow_id and idempotency_key = :idempotency_key

-- name: delete_run
delete from flow_runs where id = :id returning doc

-- name: delete_states
delete from flow_run_states where flow_run_id = :id

-- name: delete_inputs
delete from flow_run_inputs where flow_run_id = :id

-- name: delete_logs
delete from logs where flow_run_id = :id

-- name: delete_results
delete from artifacts where flow_run_id = :id and type = 'result'

-- name: insert_input
insert into flow_run_inputs (id, flow_run_id, key, value, sender, created)
values (:id, :flow_run_id, :key, :value, :sender, :created)
on conflict (flow_run_id, key) do nothing
returning id

-- name: read_input
select value from flow_run_inputs where flow_run_id = :flow_run_id and key = :key

-- name: list_inputs
select id, flow_run_id, key, value, sender, created from flow_run_inputs
where flow_run_id = :flow_run_id and key >= :prefix and key < :prefix_end order by created, id

-- By the order of bytes: that of words, which a database may have, passes over some signs.
-- name: list_inputs (postgres)
select id, flow_run_id, key, value, sender, created from flow_run_inputs
where flow_run_id = :flow_run_id and key ~>=~ :prefix and key ~<~ :prefix_end order by created, id

-- name: delete_input
delete from flow_run_inputs where flow_run_id = :flow_run_id and key = :key returning id
