-- name: pool_state
select (select count(*) from workers w where w.work_pool_id = :id and w.status = 'ONLINE'),
       (select count(*) from flow_runs r join work_queues q on q.id = r.work_queue_id
        where q.work_pool_id = :id and r.state_type in ('PENDING', 'RUNNING')),
       (select count(*) from configuration where key = 'push-problem/' || :id)

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
