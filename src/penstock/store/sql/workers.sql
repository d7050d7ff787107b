-- name: heartbeat
insert into workers (id, work_pool_id, name, status, started_at, last_heartbeat_time, heartbeat_interval_seconds,
                     created, updated)
values (:id, :pool_id, :name, 'ONLINE', :now, :now, :interval, :now, :now)
on conflict (work_pool_id, name) do update set
    started_at = case when workers.status = 'ONLINE' then workers.started_at else excluded.started_at end,
    status = 'ONLINE', last_heartbeat_time = :now, heartbeat_interval_seconds = :interval, updated = :now

-- name: delete_worker
delete from workers where work_pool_id = :pool_id and name = :name returning id

-- A worker is gone when some of its heartbeats did not come; `fallback` is the seconds between those of one that named none.
-- name: mark_offline
update workers set status = 'OFFLINE', updated = :now
where status = 'ONLINE' and last_heartbeat_time < cast(:now as bigint)
    - cast(:missed as bigint) * coalesce(heartbeat_interval_seconds, :fallback)
returning work_pool_id
