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

-- What was wanted of a worker that is gone is not wanted of the next one of its name.
-- name: sign
insert into workers (id, work_pool_id, name, status, started_at, last_heartbeat_time, heartbeat_interval_seconds,
                     created, updated, about)
values (:id, :pool_id, :name, 'ONLINE', :now, :now, :interval, :now, :now, :about)
on conflict (work_pool_id, name) do update set
    started_at = case when workers.status = 'ONLINE' and not :begins then workers.started_at else excluded.started_at end,
    wanted = case when workers.status = 'ONLINE' and not :begins then workers.wanted end,
    status = 'ONLINE', last_heartbeat_time = :now, heartbeat_interval_seconds = :interval, updated = :now, about = :about
returning wanted

-- name: of_pool
select id, name, status, started_at, last_heartbeat_time, last_polled, heartbeat_interval_seconds, about, wanted
from workers where work_pool_id = :pool_id order by status desc, last_heartbeat_time desc, id limit :limit

-- name: by_pool
select pool_name, id, name, status, started_at, last_heartbeat_time, last_polled, heartbeat_interval_seconds, about, wanted
from (
    select p.name as pool_name, w.*, row_number() over (
        partition by w.work_pool_id order by w.status desc, w.last_heartbeat_time desc, w.id) as place
    from workers w join work_pools p on p.id = w.work_pool_id
) x where place <= :limit order by pool_name, place

-- name: order_worker
update workers set wanted = :wish, updated = :now where work_pool_id = :pool_id and name = :name returning id

-- name: wanted
select wanted from workers where work_pool_id = :pool_id and name = :name

-- name: mark_polled
update workers set last_polled = :now where work_pool_id = :pool_id and name = :name returning wanted

-- name: leave
update workers set status = 'OFFLINE', updated = :now where work_pool_id = :pool_id and name = :name
