-- The next moment that a task run began at, or was due.
-- name: next_moment
select min(coalesce(start_time, expected_start_time)) from task_runs
where coalesce(start_time, expected_start_time) >= :begin and coalesce(start_time, expected_start_time) < :end

-- name: tally
with r as materialized (
    select coalesce(state_type, '') as state_type, coalesce(state_name, '') as state_name,
           coalesce(start_time, expected_start_time) as moment,
           cast(round(total_run_time * 1000000) as bigint) as ran,
           case when start_time > expected_start_time then start_time - expected_start_time else 0 end as late,
           case when state_type = 'RUNNING' then state_timestamp else null end as since,
           case when start_time is null and state_type not in ('COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED')
                then expected_start_time else null end as due
    from task_runs
    where coalesce(start_time, expected_start_time) >= :hour and coalesce(start_time, expected_start_time) < :end
), parts as (
    select 60000000 as length, moment / 60000000 * 60000000 as begins, r.* from r
    union all select 3600000000, cast(:hour as bigint), r.* from r
), tallies as (
    select length, begins, state_type, state_name, count(*) as runs,
           cast(sum(ran) as bigint) as ran, cast(sum(late) as bigint) as late,
           coalesce(cast(sum(since - begins) as bigint), 0) as since, count(due) as unstarted,
           coalesce(cast(sum(due - begins) as bigint), 0) as due
    from parts group by length, begins, state_type, state_name
)
select h.changes, length, begins, state_type, state_name, runs, ran, late, since, unstarted, due
from tallied_hours h left join tallies on true where h.noun = 'task_runs' and h.hour = :hour

-- name: forget
delete from task_run_tallies where length in (60000000, 3600000000) and begins >= :hour and begins < :end

-- name: keep
insert into task_run_tallies (length, begins, state_type, state_name, runs, ran, late, since, unstarted, due)
values (:length, :begins, :state_type, :state_name, :runs, :ran, :late, :since, :unstarted, :due)
