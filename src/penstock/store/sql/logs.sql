-- name: create_logs
insert into logs (flow_run_id, timestamp, id, task_run_id, level, doc)
values (:flow_run_id, :timestamp, :id, :task_run_id, :level, :doc)
on conflict do nothing

-- name: create_logs (postgres)
insert into logs (flow_run_id, timestamp, id, task_run_id, level, doc)
select * from unnest(
    cast(:flow_run_ids as text[]), cast(:timestamps as bigint[]), cast(:ids as text[]),
    cast(:task_run_ids as text[]), cast(:levels as int[]), cast(:docs as text[])
)
on conflict do nothing
