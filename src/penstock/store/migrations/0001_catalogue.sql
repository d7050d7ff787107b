-- What users declare and runs leave behind: flows, variables, blocks, artifacts, logs, events, automations.
-- `doc` is the JSON that the API answers with; the other columns are what filters, sorts and joins need.
-- Times are microseconds since 1970.

create table flows (
    id text primary key,
    name text not null unique,
    tags {json} not null,
    created bigint not null,
    updated bigint not null,
    doc text not null
);

create table variables (
    id text primary key,
    name text not null unique,
    tags {json} not null,
    created bigint not null,
    updated bigint not null,
    doc text not null
);

create table block_types (
    id text primary key,
    name text not null,
    slug text not null unique,
    created bigint not null,
    updated bigint not null,
    doc text not null
);

create table block_schemas (
    id text primary key,
    checksum text not null,
    version text not null,
    block_type_id text not null,
    capabilities {json} not null,
    created bigint not null,
    updated bigint not null,
    doc text not null,
    unique (checksum, version)
);
create index block_schemas_by_type on block_schemas (block_type_id);

-- `data` is sealed (store/sealing.py): the document's data with its secrets.
create table block_documents (
    id text primary key,
    name text not null,
    block_type_id text not null,
    block_schema_id text not null,
    block_type_name text not null,
    is_anonymous boolean not null,
    created bigint not null,
    updated bigint not null,
    doc text not null,
    data text not null,
    unique (block_type_id, name)
);
create index block_documents_by_schema on block_documents (block_schema_id);

create table block_references (
    parent_id text not null,
    name text not null,
    referenced_id text not null,
    primary key (parent_id, name)
);
create index block_references_by_target on block_references (referenced_id);

create table artifacts (
    id text primary key,
    key text,
    type text,
    flow_run_id text,
    task_run_id text,
    created bigint not null,
    updated bigint not null,
    doc text not null
);
create index artifacts_by_key on artifacts (key, id);
create index artifacts_by_flow_run on artifacts (flow_run_id);
create index artifacts_by_task_run on artifacts (task_run_id);

create table artifact_collections (
    id text primary key,
    key text not null unique,
    latest_id text not null,
    type text,
    flow_run_id text,
    task_run_id text,
    created bigint not null,
    updated bigint not null,
    doc text not null
);
create index artifact_collections_by_latest on artifact_collections (latest_id);

-- Lines are appended; the index is small, so that lines which come in another order touch few pages. No run: ''.
create table logs (
    flow_run_id text not null,
    timestamp bigint not null,
    id text not null,
    task_run_id text,
    level integer not null,
    doc text not null
);
create index logs_by_run on logs (flow_run_id, timestamp);

-- `related` holds the ids of the related resources.
create table events (
    id text primary key,
    occurred bigint not null,
    event text not null,
    resource_id text not null,
    related {json} not null,
    doc text not null
);
create index events_by_time on events (occurred, id);
create index events_by_resource on events (resource_id, occurred);
-- postgres:
create index events_by_related on events using gin (related);

create table automations (
    id text primary key,
    name text not null,
    enabled boolean not null,
    tags {json} not null,
    owner_resource text,
    created bigint not null,
    updated bigint not null,
    doc text not null
);
create index automations_by_owner on automations (owner_resource);

create table automation_resources (
    automation_id text not null,
    resource_id text not null,
    primary key (automation_id, resource_id)
);
create index automation_resources_by_resource on automation_resources (resource_id);

create table saved_searches (
    id text primary key,
    name text not null unique,
    created bigint not null,
    updated bigint not null,
    doc text not null
);
