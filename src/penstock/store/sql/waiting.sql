-- name: run
select r.doc, r.next_scheduled_start_time, r.retry_type, r.lease_holder, r.lease_expires_at, r.work_queue_id,
       d.last_polled, d.name, l.max_slots, l.active,
       (select coalesce(sum(x.slots), 0) from limit_leases x where x.limit_id = l.id and x.expires_at > :now)
from flow_runs r left join deployments d on d.id = r.deployment_id left join limits l on l.id = d.limit_id
where r.id = :id

-- name: queue
select p.id, p.name, p.type, p.is_paused, p.concurrency_limit,
       (select count(*) from workers w where w.work_pool_id = p.id and w.status = 'ONLINE'),
       q.name, q.is_paused, q.concurrency_limit, q.last_polled, q.priority,
       (select c.doc from configuration c where c.key = 'push-problem/' || p.id)
from work_queues q join work_pools p on p.id = q.work_pool_id where q.id = :id

-- name: active
select q.id, (select count(*) from flow_runs r
              where r.work_queue_id = q.id and r.state_type in ('PENDING', 'RUNNING'))
from work_queues q where q.work_pool_id = :pool_id

-- Those of more important queues that are due, and those of the same queue that were due before; none of a queue or
-- a deployment without room, for others pass them.
-- name: ahead
select count(*) from (
    select 1 from flow_runs r join work_queues q on q.id = r.work_queue_id
    where q.work_pool_id = :pool_id and not q.is_paused and r.state_type = 'SCHEDULED'
        and coalesce(r.retry_type, '') <> 'in_process' and r.id <> :id
        and (q.concurrency_limit is null or q.concurrency_limit > (
            select count(*) from flow_runs a where a.work_queue_id = q.id and a.state_type in ('PENDING', 'RUNNING')))
        and (r.deployment_id is null or r.deployment_id not in (
            select d.id from deployments d join limits l on l.id = d.limit_id
            where l.active and l.max_slots <= (select coalesce(sum(x.slots), 0) from limit_leases x
                                               where x.limit_id = l.id and x.expires_at > :now)))
        and ((q.priority < :priority and r.next_scheduled_start_time <= :now)
             or (q.id = :queue_id and r.next_scheduled_start_time < :due))
    limit :most) t
