-- Work pools, their queues and workers; concurrency limits and the leases that hold their slots.
-- A pool is READY while one of its workers is ONLINE, a queue while it is polled: neither is stored.

create table work_pools (
    id text primary key,
    name text not null unique,
    type text not null,
    is_paused boolean not null,
    concurrency_limit integer,
    created bigint not null,
    updated bigint not null,
    doc text not null
);

create table work_queues (
    id text primary key,
    work_pool_id text not null references work_pools (id) on delete cascade,
    name text not null,
    priority integer not null,
    is_paused boolean not null,
    concurrency_limit integer,
    last_polled bigint,
    created bigint not null,
    updated bigint not null,
    doc text not null,
    unique (work_pool_id, name)
);

create table workers (
    id text primary key,
    work_pool_id text not null references work_pools (id) on delete cascade,
    name text not null,
    status text not null,
    started_at bigint not null,
    last_heartbeat_time bigint not null,
    last_polled bigint,
    heartbeat_interval_seconds integer,
    created bigint not null,
    updated bigint not null,
    unique (work_pool_id, name)
);
create index workers_by_status on workers (status, last_heartbeat_time);

-- `slots` counts what was taken without a lease: it has no owner, so nothing else can tell.
create table limits (
    id text primary key,
    name text not null unique,
    max_slots integer not null,
    active boolean not null,
    slots double precision not null,
    slots_at bigint not null,
    denied_slots integer not null,
    slot_decay_per_second double precision not null,
    avg_slot_occupancy_seconds double precision not null,
    created bigint not null,
    updated bigint not null
);

-- A slot is in use because a live lease is here: used = sum(slots) where expires_at > now.
create table limit_leases (
    id text not null,
    limit_id text not null references limits (id) on delete cascade,
    slots integer not null,
    holder_type text,
    holder_id text,
    acquired_at bigint not null,
    expires_at bigint not null,
    primary key (id, limit_id)
);
create index limit_leases_by_limit on limit_leases (limit_id, expires_at);
create index limit_leases_by_expiry on limit_leases (expires_at);
