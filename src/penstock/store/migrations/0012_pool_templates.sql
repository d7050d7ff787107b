-- Each base job template that a pool has had: its policy can be read back and restored.

create table pool_templates (
    work_pool_id text not null references work_pools (id) on delete cascade,
    number integer not null,
    created bigint not null,
    template text not null,
    primary key (work_pool_id, number)
);
