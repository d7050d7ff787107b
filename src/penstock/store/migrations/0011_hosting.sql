-- Who watches over the job of a run that runs elsewhere (a container, a cloud's task): one process of a worker or a
-- server, which says so again and again. The lease on a run may be kept by its own job; the watch is its host's alone.
alter table flow_runs add column watched_by text;
alter table flow_runs add column watched_until bigint;
-- When the grace of a run that is Cancelling is over.
alter table flow_runs add column cancel_by bigint;
-- How often the run was scheduled again because what it ran on was lost.
alter table flow_runs add column losses integer not null default 0;
