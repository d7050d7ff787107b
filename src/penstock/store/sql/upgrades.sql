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

-- name: place
select q.name, p.id, p.name from work_queues q join work_pools p on p.id = q.work_pool_id where q.id = :queue_id

-- Whoever is about to claim a run is waited for, so that it is counted as claimed.
-- name: hold_waiting
select 1

-- name: hold_waiting (postgres)
select id from flow_runs where deployment_id = :id and state_type = 'SCHEDULED' order by id for update

-- There are few claimed runs and many of a deployment, so they are found by their state.
-- name: claimed
select count(*) from flow_runs where state_type = 'PENDING' and +deployment_id = :id

-- name: claimed (postgres)
select count(*) from flow_runs where state_type = 'PENDING' and deployment_id = :id

-- Runs that somebody has still to take: in the pool that is left, or in none. There are few among all of a deployment.
-- name: waiting
select doc from flow_runs indexed by flow_runs_of_deployment where deployment_id = :id and state_type = 'SCHEDULED'
    and coalesce(retry_type, '') <> 'in_process'
    and (work_queue_id is null or work_queue_id in (select id from work_queues where work_pool_id = :pool_id))

-- name: waiting (postgres)
select doc from flow_runs where deployment_id = :id and state_type = 'SCHEDULED'
    and coalesce(retry_type, '') <> 'in_process'
    and (work_queue_id is null or work_queue_id in (select id from work_queues where work_pool_id = :pool_id))
order by id for update

-- name: paused
select doc from flow_runs where state_type = 'PAUSED' and +deployment_id = :id
    and (work_queue_id is null or work_queue_id in (select id from work_queues where work_pool_id = :pool_id))

-- name: paused (postgres)
select doc from flow_runs where state_type = 'PAUSED' and deployment_id = :id
    and (work_queue_id is null or work_queue_id in (select id from work_queues where work_pool_id = :pool_id))
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

-- name: block
select id from block_documents where id = :id
