-- What is asked of runs by when they were due, of all or of those of something, is answered by an index alone: how many
-- there are by state, how late they were, and which come first in either order.

drop index flow_runs_by_expected_start;
-- sqlite:
create index flow_runs_by_expected_start on flow_runs (expected_start_time, id, state_type, state_name, start_time);
-- postgres:
create index flow_runs_by_expected_start on flow_runs (expected_start_time, id)
    include (state_type, state_name, start_time);

drop index flow_runs_by_deployment;
-- sqlite:
create index flow_runs_by_deployment on flow_runs
    (deployment_id, coalesce(start_time, expected_start_time), id, expected_start_time, state_type)
    where deployment_id is not null;
-- postgres:
create index flow_runs_by_deployment on flow_runs (deployment_id, coalesce(start_time, expected_start_time), id)
    include (expected_start_time, state_type)
    where deployment_id is not null;

-- The rest is for SQLite, which knows less of how many rows there are of a kind, and reads them one by one.

-- sqlite:
drop index flow_runs_by_flow;
-- sqlite:
create index flow_runs_by_flow on flow_runs
    (flow_id, coalesce(start_time, expected_start_time), id, expected_start_time, state_type);

-- sqlite:
drop index flow_runs_by_queue;
-- sqlite:
create index flow_runs_by_queue on flow_runs
    (work_queue_id, coalesce(start_time, expected_start_time), id, expected_start_time, state_type)
    where work_queue_id is not null;

-- sqlite:
drop index flow_runs_by_state;
-- sqlite:
create index flow_runs_by_state on flow_runs
    (state_type, coalesce(start_time, expected_start_time), id, expected_start_time);

-- sqlite:
drop index flow_runs_by_state_name;
-- sqlite:
create index flow_runs_by_state_name on flow_runs
    (state_name, coalesce(start_time, expected_start_time), id, expected_start_time);

-- In the order of bytes, so that the ids that begin with a text are a range of the index.
-- postgres:
drop index events_by_resource;
-- postgres:
create index events_by_resource on events (resource_id text_pattern_ops, occurred);
