-- name: read
select doc, left_pool_id, version from deployment_upgrades where deployment_id = :id

-- name: list
select doc from deployment_upgrades where deployment_id in (select value from json_each(:ids)) order by deployment_id

-- name: list (postgres)
select doc from deployment_upgrades where deployment_id in (select jsonb_array_elements_text(:ids))
order by deployment_id

-- name: write
insert into deployment_upgrades (deployment_id, left_pool_id, version, updated, doc)
values (:id, :left_pool_id, :version, :updated, :doc)
on conflict (deployment_id) do update set left_pool_id = excluded.left_pool_id, version = excluded.version,
    updated = excluded.updated, doc = excluded.doc

-- name: found
select d.doc, u.doc, q.name, p.id, p.name from deployments d
left join work_queues q on q.id = d.work_queue_id
left join work_pools p on p.id = q.work_pool_id
left join deployment_upgrades u on u.deployment_id = d.id
where d.id in (select value from json_each(:ids))

-- name: found (postgres)
select d.doc, u.doc, q.name, p.id, p.name from deployments d
left join work_queues q on q.id = d.work_queue_id
left join work_pools p on p.id = q.work_pool_id
left join deployment_upgrades u on u.deployment_id = d.id
where d.id in (select jsonb_array_elements_text(:ids))

-- Asked after the deployment is held, by a statement of its own: one that had to wait would see what was before.
-- name: around
select u.doc, u.left_pool_id, u.version,
    exists (select 1 from deployment_schedules s where s.deployment_id = d.id and s.active) and not d.paused,
    q.name, p.id, p.name, t.name, o.id, o.name
from deployments d
left join deployment_upgrades u on u.deployment_id = d.id
left join work_queues q on q.id = d.work_queue_id
left join work_pools p on p.id = q.work_pool_id
left join work_queues t on t.id = :queue_id
left join work_pools o on o.id = t.work_pool_id
where d.id = :id

-- name: queue
select id from work_queues where id = :id

-- There are few claimed runs and many of a deployment, so they are found by their state.
-- name: claimed
select count(*) from flow_runs where state_type = 'PENDING' and +deployment_id = :id

-- name: claimed (postgres)
select count(*) from flow_runs where state_type = 'PENDING' and deployment_id = :id

-- Runs that wait or are paused, which are few among all of a deployment, and whether they are where somebody has still
-- to take them: in the pool that is left, or in none. Whoever is about to claim one is waited for, so that it is
-- counted as claimed afterwards.
-- name: waiting
select doc, (state_type = 'PAUSED' or coalesce(retry_type, '') <> 'in_process')
    and (work_queue_id is null or work_queue_id in (select id from work_queues where work_pool_id = :pool_id))
from flow_runs where id in (
    select id from flow_runs indexed by flow_runs_of_deployment where deployment_id = :id and state_type = 'SCHEDULED'
    union all
    select id from flow_runs where state_type = 'PAUSED' and +deployment_id = :id)

-- name: waiting (postgres)
select doc, (state_type = 'PAUSED' or coalesce(retry_type, '') <> 'in_process')
    and (work_queue_id is null or work_queue_id in (select id from work_queues where work_pool_id = :pool_id))
from flow_runs where state_type in ('SCHEDULED', 'PAUSED') and id in (
    select id from flow_runs where deployment_id = :id and state_type = 'SCHEDULED'
    union all
    select id from flow_runs where deployment_id = :id and state_type = 'PAUSED')
order by id for update

-- name: move
update flow_runs set work_queue_id = :work_queue_id, updated = :updated, doc = :doc where id = :id

-- Deployments with runs that are due soon, and wait in the pool that their deployment has left. A cross join keeps
-- the order: of the few pools that were left, by the time at which runs are due, to their deployments.
-- name: left_behind
select distinct r.deployment_id
from (select distinct left_pool_id from deployment_upgrades where left_pool_id is not null) l
cross join work_queues q on q.work_pool_id = l.left_pool_id
cross join flow_runs r on r.work_queue_id = q.id and r.state_type = 'SCHEDULED'
    and r.next_scheduled_start_time <= :before
cross join deployment_upgrades u on u.deployment_id = r.deployment_id and u.left_pool_id = l.left_pool_id
cross join deployments d on d.id = r.deployment_id
where coalesce(r.retry_type, '') <> 'in_process'
    and coalesce((select t.work_pool_id from work_queues t where t.id = d.work_queue_id), '') <> l.left_pool_id
limit :limit

-- name: left_behind (postgres)
select distinct r.deployment_id
from deployment_upgrades u
join work_queues q on q.work_pool_id = u.left_pool_id
join flow_runs r on r.work_queue_id = q.id and r.deployment_id = u.deployment_id and r.state_type = 'SCHEDULED'
    and r.next_scheduled_start_time <= :before
join deployments d on d.id = r.deployment_id
where coalesce(r.retry_type, '') <> 'in_process'
    and coalesce((select t.work_pool_id from work_queues t where t.id = d.work_queue_id), '') <> u.left_pool_id
limit :limit

-- The same for deployments that were in no queue, as those that queues by tag serve: their runs wait in none.
-- name: left_without_queue
select distinct r.deployment_id
from flow_runs r
cross join deployment_upgrades u on u.deployment_id = r.deployment_id
cross join deployments d on d.id = r.deployment_id
where r.work_queue_id is null and r.state_type = 'SCHEDULED' and r.next_scheduled_start_time <= :before
    and coalesce(r.retry_type, '') <> 'in_process'
    and d.work_queue_id is not null and json_extract(u.doc, '$.status') = 'upgraded'
    and (select t.work_pool_id from work_queues t where t.id = d.work_queue_id) <> coalesce(u.left_pool_id, '')
limit :limit

-- name: left_without_queue (postgres)
select distinct r.deployment_id
from deployment_upgrades u
join flow_runs r on r.deployment_id = u.deployment_id and r.work_queue_id is null and r.state_type = 'SCHEDULED'
    and r.next_scheduled_start_time <= :before
join deployments d on d.id = r.deployment_id
where coalesce(r.retry_type, '') <> 'in_process'
    and d.work_queue_id is not null and u.doc::jsonb ->> 'status' = 'upgraded'
    and (select t.work_pool_id from work_queues t where t.id = d.work_queue_id) <> coalesce(u.left_pool_id, '')
limit :limit

-- Of some deployments that have just moved: those whose runs, due whenever, wait where they are no more.
-- name: behind
select u.deployment_id from deployment_upgrades u join deployments d on d.id = u.deployment_id
where u.deployment_id in (select value from json_each(:ids)) and exists (
    select 1 from flow_runs r indexed by flow_runs_of_deployment left join work_queues q on q.id = r.work_queue_id
    where r.deployment_id = u.deployment_id and r.state_type = 'SCHEDULED'
        and coalesce(r.retry_type, '') <> 'in_process'
        and (q.work_pool_id = u.left_pool_id
            or (r.work_queue_id is null and d.work_queue_id is not null
                and json_extract(u.doc, '$.status') = 'upgraded')))

-- name: behind (postgres)
select u.deployment_id from deployment_upgrades u join deployments d on d.id = u.deployment_id
where u.deployment_id in (select jsonb_array_elements_text(:ids)) and exists (
    select 1 from flow_runs r left join work_queues q on q.id = r.work_queue_id
    where r.deployment_id = u.deployment_id and r.state_type = 'SCHEDULED'
        and coalesce(r.retry_type, '') <> 'in_process'
        and (q.work_pool_id = u.left_pool_id
            or (r.work_queue_id is null and d.work_queue_id is not null and u.doc::jsonb ->> 'status' = 'upgraded')))

-- name: block
select id from block_documents where id = :id
