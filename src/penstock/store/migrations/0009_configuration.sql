-- Small values that belong to the whole server, such as its default result storage.

create table configuration (
    key text primary key,
    doc text not null
);

-- Runs that are due and not known to be late yet: a backlog of late ones costs the next look nothing.
create index flow_runs_punctual on flow_runs (next_scheduled_start_time)
    where state_type = 'SCHEDULED' and state_name = 'Scheduled';
