-- The next moment that a run began at, or was due.
-- name: next_moment
select min(coalesce(start_time, expected_start_time)) from flow_runs
where coalesce(start_time, expected_start_time) >= :begin and coalesce(start_time, expected_start_time) < :end

-- Not before the hour is over by the database's own clock, which its triggers go by.
-- name: announce
insert into tallied_hours (hour, changes, barrier) values (:hour, 0, 0) on conflict do nothing

-- name: announce (postgres)
insert into tallied_hours (hour, changes)
select cast(:hour as bigint), 0 where :hour < cast(extract(epoch from clock_timestamp()) as double precision) * 1000000 - 4200000000
on conflict do nothing

-- name: set_barriers (postgres)
update tallied_hours set barrier = cast(cast(pg_snapshot_xmax(pg_current_snapshot()) as text) as bigint)
where barrier is null

-- name: changed_hours
select hour from tallied_hours where tallied is null or tallied <> changes order by hour desc limit :limit

-- name: changed_hours (postgres)
select hour from tallied_hours
where (tallied is null or tallied <> changes)
  and barrier <= cast(cast(pg_snapshot_xmin(pg_current_snapshot()) as text) as bigint)
order by hour desc limit :limit

-- name: tally
with r as materialized (
    select flow_id, deployment_id, work_queue_id, state_type, state_name,
           coalesce(start_time, expected_start_time) as moment,
           cast(round(total_run_time * 1000000) as bigint) as ran,
           case when start_time > expected_start_time then start_time - expected_start_time else 0 end as late,
           case when state_type = 'RUNNING' then state_timestamp else null end as since,
           case when start_time is null and state_type not in ('COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED')
                then expected_start_time else null end as due
    from flow_runs
    where coalesce(start_time, expected_start_time) >= :hour and coalesce(start_time, expected_start_time) < :end
      and state_type is not null and state_name is not null
), scoped as (
    select '' as scope, moment / 300000000 * 300000000 as begins, r.* from r
    union all select flow_id, cast(:hour as bigint), r.* from r
    union all select deployment_id, cast(:hour as bigint), r.* from r where deployment_id is not null
    union all select work_queue_id, cast(:hour as bigint), r.* from r where work_queue_id is not null
), tallies as (
    select scope, begins, state_type, state_name, count(*) as runs, cast(sum(ran) as bigint) as ran, cast(sum(late) as bigint) as late,
           coalesce(cast(sum(since - begins) as bigint), 0) as since, count(due) as unstarted,
           coalesce(cast(sum(due - begins) as bigint), 0) as due
    from scoped group by scope, begins, state_type, state_name
)
select h.changes, scope, begins, state_type, state_name, runs, ran, late, since, unstarted, due
from tallied_hours h left join tallies on true where h.hour = :hour

-- name: settle
update tallied_hours set tallied = :changes
where hour = :hour and changes = :changes and (tallied is null or tallied <> changes) returning hour

-- name: forget_hour
delete from tallied_hours where hour = :hour

-- name: forget
delete from run_tallies where begins >= :hour and begins < :end

-- name: keep
insert into run_tallies (scope, begins, state_type, state_name, runs, ran, late, since, unstarted, due)
values (:scope, :begins, :state_type, :state_name, :runs, :ran, :late, :since, :unstarted, :due)

-- name: settled_hours
select hour from tallied_hours where hour >= :begin and hour < :end and tallied = changes order by hour
