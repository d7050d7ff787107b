-- name: write_deployment
insert into deployments (id, name, flow_id, work_queue_id, tags, paused, concurrency_limit, limit_id, cancel_new,
    grace_seconds, created, updated, doc)
values (:id, :name, :flow_id, :work_queue_id, :tags, :paused, :concurrency_limit, :limit_id, :cancel_new,
    :grace_seconds, :created, :updated, :doc)
on conflict (id) do update set name = excluded.name, work_queue_id = excluded.work_queue_id, tags = excluded.tags,
    paused = excluded.paused, concurrency_limit = excluded.concurrency_limit, limit_id = excluded.limit_id,
    cancel_new = excluded.cancel_new, grace_seconds = excluded.grace_seconds, updated = excluded.updated,
    doc = excluded.doc

-- name: find
select doc, limit_id from deployments where id = :id

-- name: find (postgres)
select doc, limit_id from deployments where id = :id for update

-- name: id_by_name
select id from deployments where flow_id = :flow_id and name = :name

-- name: id_by_flow_name
select d.id from deployments d join flows f on f.id = d.flow_id where f.name = :flow_name and d.name = :name

-- name: delete_deployment
delete from deployments where id = :id returning doc

-- name: delete_unstarted
delete from flow_runs where deployment_id = :id and state_type = 'SCHEDULED' and run_count = 0
returning id

-- name: forget_deployment
update flow_runs set deployment_id = null, doc = json_set(doc, '$.deployment_id', null) where deployment_id = :id

-- name: forget_deployment (postgres)
update flow_runs set deployment_id = null,
    doc = regexp_replace(doc, '"deployment_id":"[^"]*"', '"deployment_id":null') where deployment_id = :id

-- name: forget_versions
delete from deployment_versions where deployment_id = :id

-- Of a deployment that is to go: its runs that are over, and those that nothing has started, some at a time.
-- name: let_go_of_ended
update flow_runs set deployment_id = null, doc = json_set(doc, '$.deployment_id', null) where id in (
    select id from flow_runs where deployment_id = :id
        and state_type in ('COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED') limit :limit) returning id

-- name: let_go_of_ended (postgres)
update flow_runs set deployment_id = null,
    doc = regexp_replace(doc, '"deployment_id":"[^"]*"', '"deployment_id":null') where id in (
    select id from flow_runs where deployment_id = :id
        and state_type in ('COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED') limit :limit) returning id

-- name: delete_some_unstarted
delete from flow_runs where id in (
    select id from flow_runs where deployment_id = :id and state_type = 'SCHEDULED' and run_count = 0 limit :limit)
returning id

-- name: delete_planned
delete from flow_runs where deployment_id = :id and state_type = 'SCHEDULED' and run_count = 0 and auto_scheduled
    and state_name <> 'AwaitingConcurrencySlot' and next_scheduled_start_time > :after
returning id

-- name: write_schedule
insert into deployment_schedules (id, deployment_id, active, slug, created, updated, doc)
values (:id, :deployment_id, :active, :slug, :created, :updated, :doc)
on conflict (id) do update set active = excluded.active, slug = excluded.slug, updated = excluded.updated,
    doc = excluded.doc

-- name: schedules_of
select doc from deployment_schedules where deployment_id = :id order by created desc, id

-- name: delete_schedules
delete from deployment_schedules where deployment_id = :id

-- name: delete_schedule
delete from deployment_schedules where id = :id and deployment_id = :deployment_id returning id

-- name: mark_polled
update deployments set last_polled = :now
where id in (select value from json_each(:ids)) and (last_polled is null or last_polled < :now - 1000000)

-- name: mark_polled (postgres)
update deployments set last_polled = :now
where id in (select jsonb_array_elements_text(:ids)) and (last_polled is null or last_polled < :now - 1000000)

-- name: to_schedule
select d.doc from deployments d
where d.id > :after and not d.paused
    and exists (select 1 from deployment_schedules s where s.deployment_id = d.id and s.active)
order by d.id limit :limit

-- name: planned
select json_extract(doc, '$.created_by.id'), count(*), max(next_scheduled_start_time) from flow_runs
where deployment_id = :id and state_type = 'SCHEDULED' and auto_scheduled and next_scheduled_start_time > :now
group by 1

-- name: planned (postgres)
select doc::jsonb -> 'created_by' ->> 'id', count(*), max(next_scheduled_start_time) from flow_runs
where deployment_id = :id and state_type = 'SCHEDULED' and auto_scheduled and next_scheduled_start_time > :now
group by 1

-- name: set_limit
update limits set max_slots = :size, updated = :now where id = :id
