-- What is due is looked up queue by queue: each pool by itself would look at what is due in all.
-- name: loads
select p.name, p.type, p.is_paused, p.concurrency_limit,
       (select coalesce(sum((select count(*) from (select 1 from flow_runs r
            where r.work_queue_id = q.id and r.state_type = 'SCHEDULED' and r.next_scheduled_start_time <= :now
                and coalesce(r.retry_type, '') <> 'in_process' limit :most) t)), 0)
            from work_queues q where q.work_pool_id = p.id),
       (select min((select min(r.next_scheduled_start_time) from flow_runs r
            where r.work_queue_id = q.id and r.state_type = 'SCHEDULED' and r.next_scheduled_start_time <= :now
                and coalesce(r.retry_type, '') <> 'in_process'))
            from work_queues q where q.work_pool_id = p.id),
       (select count(*) from flow_runs r join work_queues q on q.id = r.work_queue_id
            where q.work_pool_id = p.id and r.state_type in ('PENDING', 'RUNNING')),
       (select count(*) from workers w where w.work_pool_id = p.id and w.status = 'ONLINE')
from work_pools p where :name = '' or p.name = :name order by p.name

-- name: slots
select l.name, l.max_slots, (select coalesce(sum(x.slots), 0) from limit_leases x
                             where x.limit_id = l.id and x.expires_at > :now)
from limits l where l.active order by l.name limit :most
