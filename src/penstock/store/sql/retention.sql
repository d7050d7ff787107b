-- name: old_events
delete from events where id in (select id from events where occurred < :before order by occurred limit :limit)
returning id

-- name: old_events_named
delete from events where id in (
    select id from events where occurred < :before and event = :event order by occurred limit :limit)
returning id

-- name: old_runs
select id from flow_runs
where end_time < :before and state_type in ('COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED') and parent_task_run_id is null
order by end_time limit :limit
