-- The newest upgrade of a deployment, with what it was before: `left_pool_id` is the pool that it has left last, by the
-- upgrade or by its rollback, and `version` the number of the version that it was at before the upgrade.

create table deployment_upgrades (
    deployment_id text primary key references deployments (id) on delete cascade,
    left_pool_id text,
    version integer,
    updated bigint not null,
    doc text not null
);
create index deployment_upgrades_left on deployment_upgrades (left_pool_id);
