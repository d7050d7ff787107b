-- How many runs began in each hour, or were due, by state: for all of them in steps of five minutes, and for each flow,
-- deployment and queue (`scope` is its id) by the hour. What no run has changed since it was counted is taken from here.
-- Times are microseconds since 1970; `since` and `due` are counted from the step's beginning.

-- sqlite:
create table run_tallies (
    scope text not null,
    begins bigint not null,
    state_type text not null,
    state_name text not null,
    runs bigint not null,
    ran bigint not null,
    late bigint not null,
    since bigint not null,
    unstarted bigint not null,
    due bigint not null,
    primary key (scope, begins, state_type, state_name)
) without rowid;
-- postgres:
create table run_tallies (
    scope text not null,
    begins bigint not null,
    state_type text not null,
    state_name text not null,
    runs bigint not null,
    ran bigint not null,
    late bigint not null,
    since bigint not null,
    unstarted bigint not null,
    due bigint not null,
    primary key (scope, begins, state_type, state_name)
);
create index run_tallies_by_time on run_tallies (begins);

-- An hour's tallies hold while `tallied` is what `changes` is: whatever happens to one of its runs is a change.
-- On PostgreSQL an hour is tallied once all transactions below `barrier` are over: they may not have seen that it is here.
create table tallied_hours (
    hour bigint primary key,
    changes bigint not null,
    tallied bigint,
    barrier bigint
);
create index tallied_hours_changed on tallied_hours (hour) where tallied is null or tallied <> changes;

-- Lists by start are looked through by name and by tag too, without a look at the runs themselves.
drop index flow_runs_by_start;
-- sqlite:
create index flow_runs_by_start on flow_runs (coalesce(start_time, expected_start_time), id, name, tags);
-- postgres:
create index flow_runs_by_start on flow_runs (coalesce(start_time, expected_start_time), id)
    include (name, start_time, expected_start_time);
create index flow_runs_by_queue on flow_runs (work_queue_id, coalesce(start_time, expected_start_time), id)
    where work_queue_id is not null;

create index task_runs_by_start on task_runs (coalesce(start_time, expected_start_time), state_type, state_name);

-- sqlite:
create trigger flow_runs_made after insert on flow_runs begin update tallied_hours set changes = changes + 1 where hour = coalesce(new.start_time, new.expected_start_time) / 3600000000 * 3600000000; end;
-- sqlite:
create trigger flow_runs_gone after delete on flow_runs begin update tallied_hours set changes = changes + 1 where hour = coalesce(old.start_time, old.expected_start_time) / 3600000000 * 3600000000; end;
-- sqlite:
create trigger flow_runs_changed after update of state_type, state_name, state_timestamp, start_time, expected_start_time, total_run_time, flow_id, deployment_id, work_queue_id on flow_runs begin update tallied_hours set changes = changes + 1 where hour in (coalesce(old.start_time, old.expected_start_time) / 3600000000 * 3600000000, coalesce(new.start_time, new.expected_start_time) / 3600000000 * 3600000000); end;

-- Hours are tallied when they are long over, by this same clock: a run that is younger than ten minutes is in none.
-- postgres:
create or replace function flow_runs_tell_hours() returns trigger language plpgsql as $$ begin if tg_op <> 'INSERT' then update tallied_hours set changes = changes + 1 where hour = coalesce(old.start_time, old.expected_start_time) / 3600000000 * 3600000000; end if; if tg_op <> 'DELETE' then update tallied_hours set changes = changes + 1 where hour = coalesce(new.start_time, new.expected_start_time) / 3600000000 * 3600000000; end if; return null; end $$;
-- postgres:
create trigger flow_runs_made after insert on flow_runs for each row when (coalesce(new.start_time, new.expected_start_time) < cast(extract(epoch from clock_timestamp()) as double precision) * 1000000 - 600000000) execute function flow_runs_tell_hours();
-- postgres:
create trigger flow_runs_gone after delete on flow_runs for each row when (coalesce(old.start_time, old.expected_start_time) < cast(extract(epoch from clock_timestamp()) as double precision) * 1000000 - 600000000) execute function flow_runs_tell_hours();
-- postgres:
create trigger flow_runs_changed after update of state_type, state_name, state_timestamp, start_time, expected_start_time, total_run_time, flow_id, deployment_id, work_queue_id on flow_runs for each row when (least(coalesce(old.start_time, old.expected_start_time), coalesce(new.start_time, new.expected_start_time)) < cast(extract(epoch from clock_timestamp()) as double precision) * 1000000 - 600000000) execute function flow_runs_tell_hours();
