-- name: load
select p.id, p.is_paused, p.concurrency_limit, q.id, q.name, q.priority, q.is_paused, q.concurrency_limit,
       case when p.concurrency_limit is null and q.concurrency_limit is null then 0 else
       (select count(*) from flow_runs r where r.work_queue_id = q.id and r.state_type in ('PENDING', 'RUNNING')) end,
       p.type
from work_pools p join work_queues q on q.work_pool_id = p.id
where p.name = :pool
