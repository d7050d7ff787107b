-- Runs that are due and may not wait: their deployment's slots are all taken.
-- name: colliding
select r.id from deployments d join limits l on l.id = d.limit_id join flow_runs r on r.deployment_id = d.id
where d.cancel_new and l.active and r.state_type = 'SCHEDULED' and r.next_scheduled_start_time <= :now
    and coalesce(r.retry_type, '') <> 'in_process'
    and l.max_slots <= (select coalesce(sum(x.slots), 0) from limit_leases x
                        where x.limit_id = l.id and x.expires_at > :now)
order by r.next_scheduled_start_time limit :limit

-- name: next_due
select min(r.next_scheduled_start_time) from deployments d join flow_runs r on r.deployment_id = d.id
where d.cancel_new and r.state_type = 'SCHEDULED' and r.next_scheduled_start_time > :now
