-- What each deploy made of a deployment: `doc` never changes. `ended_as` holds the values of its last moment, where
-- somebody had changed them by hand before the next version took over.

create table deployment_versions (
    id text primary key,
    deployment_id text not null,
    number integer not null,
    digest text not null,
    created bigint not null,
    doc text not null,
    ended_as text,
    unique (deployment_id, number)
);
