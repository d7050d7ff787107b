-- The next moment that a run began at, or was due.
-- name: next_moment
select min(coalesce(start_time, expected_start_time)) from flow_runs
where coalesce(start_time, expected_start_time) >= :begin and coalesce(start_time, expected_start_time) < :end

-- name: tally
with r as materialized (
    select flow_id, deployment_id, work_queue_id,
           coalesce(state_type, '') as state_type, coalesce(state_name, '') as state_name,
           coalesce(start_time, expected_start_time) as moment,
           cast(round(total_run_time * 1000000) as bigint) as ran,
           case when start_time > expected_start_time then start_time - expected_start_time else 0 end as late,
           case when state_type = 'RUNNING' then state_timestamp else null end as since,
           case when start_time is null and state_type not in ('COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED')
                then expected_start_time else null end as due
    from flow_runs
    where coalesce(start_time, expected_start_time) >= :hour and coalesce(start_time, expected_start_time) < :end
), scoped as (
    select '' as scope, 60000000 as length, moment / 60000000 * 60000000 as begins, r.* from r
    union all select '', 3600000000, cast(:hour as bigint), r.* from r
    union all select flow_id, 3600000000, cast(:hour as bigint), r.* from r
    union all select deployment_id, 3600000000, cast(:hour as bigint), r.* from r where deployment_id is not null
    union all select work_queue_id, 3600000000, cast(:hour as bigint), r.* from r where work_queue_id is not null
), tallies as (
    select scope, length, begins, state_type, state_name, count(*) as runs,
           cast(sum(ran) as bigint) as ran, cast(sum(late) as bigint) as late,
           coalesce(cast(sum(since - begins) as bigint), 0) as since, count(due) as unstarted,
           coalesce(cast(sum(due - begins) as bigint), 0) as due
    from scoped group by scope, length, begins, state_type, state_name
)
select h.changes, scope, length, begins, state_type, state_name, runs, ran, late, since, unstarted, due
from tallied_hours h left join tallies on true where h.noun = 'flow_runs' and h.hour = :hour

-- name: forget
delete from flow_run_tallies where begins >= :hour and begins < :end

-- name: keep
insert into flow_run_tallies
    (scope, length, begins, state_type, state_name, runs, ran, late, since, unstarted, due)
values (:scope, :length, :begins, :state_type, :state_name, :runs, :ran, :late, :since, :unstarted, :due)
