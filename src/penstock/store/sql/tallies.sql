-- Not before the hour is over by the database's own clock, which its triggers go by.
-- name: announce
insert into tallied_hours (noun, hour, changes, barrier) values (:noun, :hour, 0, 0) on conflict do nothing

-- name: announce (postgres)
insert into tallied_hours (noun, hour, changes)
select cast(:noun as text), cast(:hour as bigint), 0
where :hour < cast(extract(epoch from clock_timestamp()) as double precision) * 1000000 - 4200000000
on conflict do nothing

-- name: set_barriers (postgres)
update tallied_hours set barrier = cast(cast(pg_snapshot_xmax(pg_current_snapshot()) as text) as bigint)
where barrier is null

-- name: changed_hours
select noun, hour from tallied_hours where tallied is null or tallied <> changes order by hour desc, noun limit :limit

-- name: changed_hours (postgres)
select noun, hour from tallied_hours
where (tallied is null or tallied <> changes)
  and barrier <= cast(cast(pg_snapshot_xmin(pg_current_snapshot()) as text) as bigint)
order by hour desc, noun limit :limit

-- name: settle
update tallied_hours set tallied = :changes
where noun = :noun and hour = :hour and changes = :changes and (tallied is null or tallied <> changes) returning hour

-- name: forget_hour
delete from tallied_hours where noun = :noun and hour = :hour

-- name: settled_hours
select hour from tallied_hours where noun = :noun and hour >= :begin and hour < :end and tallied = changes order by hour
