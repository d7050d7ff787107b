-- Flow runs, task runs, their states, and the deployments that make them.
-- `doc` is the JSON that the API answers with, but for what other tables or the time decide.
-- Times are microseconds since 1970.

-- Who works on a run holds its lease: `lease_holder` until `lease_expires_at`; `attempt` counts the claims.
create table flow_runs (
    id text primary key,
    name text not null,
    flow_id text not null,
    deployment_id text,
    work_queue_id text,
    parent_task_run_id text,
    idempotency_key text,
    tags {json} not null,
    state_id text,
    state_type text,
    state_name text,
    state_timestamp bigint,
    start_time bigint,
    end_time bigint,
    expected_start_time bigint,
    next_scheduled_start_time bigint,
    total_run_time double precision not null,
    run_count integer not null,
    auto_scheduled boolean not null,
    retry_type text,
    lease_holder text,
    lease_expires_at bigint,
    attempt integer not null default 0,
    created bigint not null,
    updated bigint not null,
    doc text not null
);
create unique index flow_runs_by_key on flow_runs (idempotency_key, flow_id) where idempotency_key is not null;
create index flow_runs_due on flow_runs (work_queue_id, next_scheduled_start_time) where state_type = 'SCHEDULED';
create index flow_runs_scheduled on flow_runs (next_scheduled_start_time) where state_type = 'SCHEDULED';
create index flow_runs_active on flow_runs (work_queue_id, state_type) where state_type in ('PENDING', 'RUNNING');
create index flow_runs_of_deployment on flow_runs (deployment_id, next_scheduled_start_time) where state_type = 'SCHEDULED';
create index flow_runs_waiting on flow_runs (state_type, state_timestamp) where state_type in ('PAUSED', 'CANCELLING');
create index flow_runs_leased on flow_runs (lease_expires_at) where lease_expires_at is not null;
create index flow_runs_held on flow_runs (lease_holder) where lease_holder is not null;
create index flow_runs_by_start on flow_runs (coalesce(start_time, expected_start_time), id);
create index flow_runs_by_expected_start on flow_runs (expected_start_time, id);
create index flow_runs_by_end on flow_runs (end_time, id);
create index flow_runs_by_name on flow_runs (name, id);
-- Lists of runs in a state, of a flow, of a deployment are sorted by start.
create index flow_runs_by_state on flow_runs (state_type, coalesce(start_time, expected_start_time), id);
create index flow_runs_by_state_name on flow_runs (state_name, coalesce(start_time, expected_start_time), id);
create index flow_runs_by_flow on flow_runs (flow_id, coalesce(start_time, expected_start_time), id);
create index flow_runs_by_deployment on flow_runs (deployment_id, coalesce(start_time, expected_start_time), id)
    where deployment_id is not null;
-- postgres:
create index flow_runs_by_tag on flow_runs using gin (tags) where tags <> '[]';
create index flow_runs_by_parent on flow_runs (parent_task_run_id) where parent_task_run_id is not null;

create table flow_run_states (
    id text primary key,
    flow_run_id text not null,
    timestamp bigint not null,
    doc text not null
);
create index flow_run_states_by_run on flow_run_states (flow_run_id, timestamp);

create table flow_run_inputs (
    id text primary key,
    flow_run_id text not null,
    key text not null,
    value text not null,
    sender text,
    created bigint not null,
    unique (flow_run_id, key)
);

create table task_runs (
    id text primary key,
    name text not null,
    flow_run_id text,
    task_key text not null,
    dynamic_key text not null,
    tags {json} not null,
    state_id text,
    state_type text,
    state_name text,
    state_timestamp bigint,
    start_time bigint,
    end_time bigint,
    expected_start_time bigint,
    next_scheduled_start_time bigint,
    total_run_time double precision not null,
    created bigint not null,
    updated bigint not null,
    doc text not null
);
create unique index task_runs_by_key on task_runs (coalesce(flow_run_id, ''), task_key, dynamic_key);
create index task_runs_by_flow_run on task_runs (flow_run_id, id);
create index task_runs_by_expected_start on task_runs (expected_start_time, id);
create index task_runs_by_state on task_runs (state_type, id);
create index task_runs_by_end on task_runs (end_time, id);

create table task_run_states (
    id text primary key,
    task_run_id text not null,
    timestamp bigint not null,
    doc text not null
);
create index task_run_states_by_run on task_run_states (task_run_id, timestamp);

-- What a task's cache key gave: the newest state that has not expired serves the next run.
create table task_run_cache (
    cache_key text not null,
    created bigint not null,
    expires_at bigint,
    doc text not null,
    primary key (cache_key, created)
);

-- `limit_id` is the limit its runs take a slot of; a full one makes them wait, or with `cancel_new` end.
create table deployments (
    id text primary key,
    name text not null,
    flow_id text not null,
    work_queue_id text,
    tags {json} not null,
    paused boolean not null,
    concurrency_limit integer,
    limit_id text,
    cancel_new boolean not null,
    grace_seconds integer,
    last_polled bigint,
    created bigint not null,
    updated bigint not null,
    doc text not null,
    unique (flow_id, name)
);
create index deployments_by_queue on deployments (work_queue_id);
create index deployments_by_name on deployments (name, id);
create index deployments_by_update on deployments (updated);

create table deployment_schedules (
    id text primary key,
    deployment_id text not null references deployments (id) on delete cascade,
    active boolean not null,
    slug text,
    created bigint not null,
    updated bigint not null,
    doc text not null,
    unique (deployment_id, slug)
);
