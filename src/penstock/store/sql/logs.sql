-- name: create_logs
insert into logs (flow_run_id, timestamp, id, task_run_id, level, doc)
values (:flow_run_id, :timestamp, :id, :task_run_id, :level, :doc)

-- name: create_logs (postgres)
with alive as (
    update flow_runs set lease_expires_at = :until
    where id = any(cast(:runs as text[])) and state_type in ('PENDING', 'RUNNING')
      and (lease_holder is null or lease_holder not like 'claim:%') and lease_expires_at < :soon
)
insert into logs (flow_run_id, timestamp, id, task_run_id, level, doc)
select * from unnest(
    cast(:flow_run_ids as text[]), cast(:timestamps as bigint[]), cast(:ids as text[]),
    cast(:task_run_ids as text[]), cast(:levels as int[]), cast(:docs as text[])
)

-- name: renew_by_log
update flow_runs set lease_expires_at = :until
where id = :id and state_type in ('PENDING', 'RUNNING')
  and (lease_holder is null or lease_holder not like 'claim:%') and lease_expires_at < :soon
