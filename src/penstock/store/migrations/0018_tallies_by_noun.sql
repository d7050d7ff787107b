-- The tallies of 0016 for task runs and events too, and by the hour beside the steps: all is counted anew.

-- sqlite:
drop trigger flow_runs_made;
-- sqlite:
drop trigger flow_runs_gone;
-- sqlite:
drop trigger flow_runs_changed;
-- postgres:
drop trigger flow_runs_made on flow_runs;
-- postgres:
drop trigger flow_runs_gone on flow_runs;
-- postgres:
drop trigger flow_runs_changed on flow_runs;
-- postgres:
drop function flow_runs_tell_hours();
drop table run_tallies;
drop table tallied_hours;

-- An hour's tallies of a noun (a table's name) hold while `tallied` is what `changes` is: whatever happens to one of its
-- rows is a change. On PostgreSQL a transaction is one change, `changed_by`, however many rows it writes, and an hour is
-- tallied once all transactions below `barrier` are over: they may not have seen that it is here.
create table tallied_hours (
    noun text not null,
    hour bigint not null,
    changes bigint not null,
    tallied bigint,
    changed_by bigint,
    barrier bigint,
    primary key (noun, hour)
){by_key};

-- Runs that began in an hour, or in a step of a minute, or were due then, by state. `scope` is empty for all of them,
-- or the id of a flow, a deployment or a queue, which have no steps. Times are microseconds, `begins` since 1970, `since`
-- and `due` from there. What has no state or name has an empty one.
create table flow_run_tallies (
    scope text not null,
    length bigint not null,
    begins bigint not null,
    state_type text not null,
    state_name text not null,
    runs bigint not null,
    ran bigint not null,
    late bigint not null,
    since bigint not null,
    unstarted bigint not null,
    due bigint not null,
    primary key (scope, length, begins, state_type, state_name)
){by_key};
create index flow_run_tallies_by_time on flow_run_tallies (begins);
create table task_run_tallies (
    length bigint not null,
    begins bigint not null,
    state_type text not null,
    state_name text not null,
    runs bigint not null,
    ran bigint not null,
    late bigint not null,
    since bigint not null,
    unstarted bigint not null,
    due bigint not null,
    primary key (length, begins, state_type, state_name)
){by_key};

-- Events of a name, and when the earliest and the latest of them occurred.
create table event_tallies (
    length bigint not null,
    begins bigint not null,
    event text not null,
    events bigint not null,
    earliest bigint not null,
    latest bigint not null,
    primary key (length, begins, event)
){by_key};

-- PostgreSQL keeps them in no order; with all that is asked in the key's index the tables need not be looked at.
-- postgres:
alter table flow_run_tallies drop constraint flow_run_tallies_pkey,
    add primary key (scope, length, begins, state_type, state_name) include (runs, ran, late, since, unstarted, due);
-- The hours of all runs are few, which is not to be guessed from each column by itself.
-- postgres:
create statistics flow_run_tallies_of_all (mcv) on scope, length from flow_run_tallies;
-- postgres:
alter table task_run_tallies drop constraint task_run_tallies_pkey,
    add primary key (length, begins, state_type, state_name) include (runs, ran, late, since, unstarted, due);
-- postgres:
alter table event_tallies drop constraint event_tallies_pkey,
    add primary key (length, begins, event) include (events, earliest, latest);

-- sqlite:
create trigger flow_runs_made after insert on flow_runs begin update tallied_hours set changes = changes + 1 where noun = 'flow_runs' and hour = coalesce(new.start_time, new.expected_start_time) / 3600000000 * 3600000000; end;
-- sqlite:
create trigger flow_runs_gone after delete on flow_runs begin update tallied_hours set changes = changes + 1 where noun = 'flow_runs' and hour = coalesce(old.start_time, old.expected_start_time) / 3600000000 * 3600000000; end;
-- sqlite:
create trigger flow_runs_changed after update of state_type, state_name, state_timestamp, start_time, expected_start_time, total_run_time, flow_id, deployment_id, work_queue_id on flow_runs begin update tallied_hours set changes = changes + 1 where noun = 'flow_runs' and hour = coalesce(new.start_time, new.expected_start_time) / 3600000000 * 3600000000; update tallied_hours set changes = changes + 1 where coalesce(old.start_time, old.expected_start_time) / 3600000000 * 3600000000 is not coalesce(new.start_time, new.expected_start_time) / 3600000000 * 3600000000 and noun = 'flow_runs' and hour = coalesce(old.start_time, old.expected_start_time) / 3600000000 * 3600000000; end;
-- sqlite:
create trigger task_runs_made after insert on task_runs begin update tallied_hours set changes = changes + 1 where noun = 'task_runs' and hour = coalesce(new.start_time, new.expected_start_time) / 3600000000 * 3600000000; end;
-- sqlite:
create trigger task_runs_gone after delete on task_runs begin update tallied_hours set changes = changes + 1 where noun = 'task_runs' and hour = coalesce(old.start_time, old.expected_start_time) / 3600000000 * 3600000000; end;
-- sqlite:
create trigger task_runs_changed after update of state_type, state_name, state_timestamp, start_time, expected_start_time, total_run_time on task_runs begin update tallied_hours set changes = changes + 1 where noun = 'task_runs' and hour = coalesce(new.start_time, new.expected_start_time) / 3600000000 * 3600000000; update tallied_hours set changes = changes + 1 where coalesce(old.start_time, old.expected_start_time) / 3600000000 * 3600000000 is not coalesce(new.start_time, new.expected_start_time) / 3600000000 * 3600000000 and noun = 'task_runs' and hour = coalesce(old.start_time, old.expected_start_time) / 3600000000 * 3600000000; end;
-- sqlite:
create trigger events_made after insert on events begin update tallied_hours set changes = changes + 1 where noun = 'events' and hour = new.occurred / 3600000000 * 3600000000; end;
-- sqlite:
create trigger events_gone after delete on events begin update tallied_hours set changes = changes + 1 where noun = 'events' and hour = old.occurred / 3600000000 * 3600000000; end;

-- Hours are tallied when they are long over, by this same clock: what is younger than ten minutes is in none. The functions
-- ask for that, not the triggers, whose conditions PostgreSQL would read anew for each statement.
-- postgres:
create or replace function runs_tell_hours() returns trigger language plpgsql as $$ declare past bigint := cast(extract(epoch from clock_timestamp()) as double precision) * 1000000 - 600000000; begin if tg_op <> 'INSERT' and coalesce(old.start_time, old.expected_start_time) < past then update tallied_hours set changes = changes + 1, changed_by = cast(cast(pg_current_xact_id() as text) as bigint) where noun = cast(tg_table_name as text) collate "default" and hour = coalesce(old.start_time, old.expected_start_time) / 3600000000 * 3600000000 and changed_by is distinct from cast(cast(pg_current_xact_id() as text) as bigint); end if; if tg_op <> 'DELETE' and coalesce(new.start_time, new.expected_start_time) < past then update tallied_hours set changes = changes + 1, changed_by = cast(cast(pg_current_xact_id() as text) as bigint) where noun = cast(tg_table_name as text) collate "default" and hour = coalesce(new.start_time, new.expected_start_time) / 3600000000 * 3600000000 and changed_by is distinct from cast(cast(pg_current_xact_id() as text) as bigint); end if; return null; end $$;
-- postgres:
create or replace function events_tell_hours() returns trigger language plpgsql as $$ declare past bigint := cast(extract(epoch from clock_timestamp()) as double precision) * 1000000 - 600000000; begin if new.occurred < past then update tallied_hours set changes = changes + 1, changed_by = cast(cast(pg_current_xact_id() as text) as bigint) where noun = 'events' and hour = new.occurred / 3600000000 * 3600000000 and changed_by is distinct from cast(cast(pg_current_xact_id() as text) as bigint); end if; return null; end $$;
-- postgres:
create or replace function lost_events_tell_hours() returns trigger language plpgsql as $$ begin update tallied_hours set changes = changes + 1 where noun = 'events' and hour in (select occurred / 3600000000 * 3600000000 from gone); return null; end $$;
-- postgres:
create trigger flow_runs_made after insert on flow_runs for each row execute function runs_tell_hours();
-- postgres:
create trigger flow_runs_gone after delete on flow_runs for each row execute function runs_tell_hours();
-- postgres:
create trigger flow_runs_changed after update of state_type, state_name, state_timestamp, start_time, expected_start_time, total_run_time, flow_id, deployment_id, work_queue_id on flow_runs for each row execute function runs_tell_hours();
-- postgres:
create trigger task_runs_made after insert on task_runs for each row execute function runs_tell_hours();
-- postgres:
create trigger task_runs_gone after delete on task_runs for each row execute function runs_tell_hours();
-- postgres:
create trigger task_runs_changed after update of state_type, state_name, state_timestamp, start_time, expected_start_time, total_run_time on task_runs for each row execute function runs_tell_hours();
-- postgres:
create trigger events_made after insert on events for each row execute function events_tell_hours();
-- Many are forgotten at once.
-- postgres:
create trigger events_gone after delete on events referencing old table as gone for each statement execute function lost_events_tell_hours();
