-- Failed and crashed runs, to be counted by whose they are without a look at the runs themselves. The moments stand here
-- once more by themselves: SQLite does not take them out of the expression.
-- sqlite:
create index flow_runs_wrong on flow_runs (coalesce(start_time, expected_start_time), id, flow_id, deployment_id, state_type, start_time, expected_start_time)
    where state_type in ('FAILED', 'CRASHED');
-- postgres:
create index flow_runs_wrong on flow_runs (coalesce(start_time, expected_start_time), id)
    include (flow_id, deployment_id, state_type, start_time, expected_start_time)
    where state_type in ('FAILED', 'CRASHED');
