-- name: queue_in_pool
select q.doc, q.last_polled, p.name from work_queues q join work_pools p on p.id = q.work_pool_id
where p.name = :pool and q.name = :name

-- name: queue_by_id
select q.doc, q.last_polled, p.name from work_queues q join work_pools p on p.id = q.work_pool_id where q.id = :id

-- name: priorities
select id, priority from work_queues where work_pool_id = :pool_id order by id

-- name: priorities (postgres)
select id, priority from work_queues where work_pool_id = :pool_id order by id for update

-- name: read_doc
select doc from work_queues where id = :id

-- name: active_runs
select count(*) from flow_runs where work_queue_id = :id and state_type in ('PENDING', 'RUNNING')

-- name: late_runs
select count(*) from flow_runs where work_queue_id = :id and state_type = 'SCHEDULED' and state_name = 'Late'

-- A poll every few milliseconds need not be written every time.
-- name: mark_polled
update work_queues set last_polled = :now
where id in (select value from json_each(:ids)) and (last_polled is null or last_polled < cast(:now as bigint) - 1000000)

-- name: mark_polled (postgres)
update work_queues set last_polled = :now
where id in (select jsonb_array_elements_text(:ids)) and (last_polled is null or last_polled < cast(:now as bigint) - 1000000)

-- name: deployments_of_queue
select id, doc from deployments where work_queue_id = :id

-- name: release_deployment
update deployments set work_queue_id = null, doc = :doc where id = :id
