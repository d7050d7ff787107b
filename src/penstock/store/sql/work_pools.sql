-- name: pool_states
select p.id, (select count(*) from workers w where w.work_pool_id = p.id and w.status = 'ONLINE'),
       (select count(*) from flow_runs r join work_queues q on q.id = r.work_queue_id
        where q.work_pool_id = p.id and r.state_type in ('PENDING', 'RUNNING')),
       (select count(*) from configuration where key = 'push-problem/' || p.id)
from work_pools p where p.id in (select value from json_each(:ids))

-- name: pool_states (postgres)
select p.id, (select count(*) from workers w where w.work_pool_id = p.id and w.status = 'ONLINE'),
       (select count(*) from flow_runs r join work_queues q on q.id = r.work_queue_id
        where q.work_pool_id = p.id and r.state_type in ('PENDING', 'RUNNING')),
       (select count(*) from configuration where key = 'push-problem/' || p.id)
from work_pools p where p.id in (select json_array_elements_text(cast(cast(:ids as text) as json)))

-- name: slots_by_queue
select q.doc, q.last_polled, (select count(*) from flow_runs r
                              where r.work_queue_id = q.id and r.state_type in ('PENDING', 'RUNNING'))
from work_queues q where q.work_pool_id = :id order by q.priority limit :limit offset :offset

-- name: slot_holders
select id, name, state_type, state_name, state_timestamp, start_time from flow_runs
where work_queue_id = :id and state_type in ('PENDING', 'RUNNING') order by start_time limit :limit offset :offset

-- name: queues_of_pool
select id from work_queues where work_pool_id = :id

-- name: delete_queues_of_pool
delete from work_queues where work_pool_id = :id

-- name: delete_workers_of_pool
delete from workers where work_pool_id = :id
