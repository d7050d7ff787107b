-- name: lock_pool
select id from work_pools where name = :pool

-- name: lock_pool (postgres)
select id from work_pools where name = :pool for update

-- A run whose deployment waits for a slot is passed over, so that it holds up no other.
-- name: candidates
select r.id from flow_runs r
where r.work_queue_id = :queue_id and r.state_type = 'SCHEDULED' and r.next_scheduled_start_time <= :before
    and coalesce(r.retry_type, '') <> 'in_process'
    and (r.deployment_id is null or r.deployment_id not in (
        select d.id from deployments d join limits l on l.id = d.limit_id
        where l.active and not d.cancel_new and (l.max_slots = 0 or l.max_slots <= (
            select coalesce(sum(x.slots), 0) from limit_leases x where x.limit_id = l.id and x.expires_at > :now))))
order by r.next_scheduled_start_time limit :limit

-- name: candidates (postgres)
select r.id from flow_runs r
where r.work_queue_id = :queue_id and r.state_type = 'SCHEDULED' and r.next_scheduled_start_time <= :before
    and coalesce(r.retry_type, '') <> 'in_process'
    and (r.deployment_id is null or r.deployment_id not in (
        select d.id from deployments d join limits l on l.id = d.limit_id
        where l.active and not d.cancel_new and (l.max_slots = 0 or l.max_slots <= (
            select coalesce(sum(x.slots), 0) from limit_leases x where x.limit_id = l.id and x.expires_at > :now))))
order by r.next_scheduled_start_time limit :limit for update of r skip locked

-- What is due already and was not taken waits for something else than time.
-- name: next_due
select min(t.due) from (select (select r.next_scheduled_start_time from flow_runs r
    where r.work_queue_id = q.id and r.state_type = 'SCHEDULED' and r.next_scheduled_start_time > :now
        and coalesce(r.retry_type, '') <> 'in_process'
    order by r.next_scheduled_start_time limit 1) as due
from work_queues q where q.work_pool_id = :pool_id) t

-- name: candidates_of_deployments
select r.id from flow_runs r join deployments d on d.id = r.deployment_id left join limits l on l.id = d.limit_id
where r.deployment_id in (select value from json_each(:ids)) and r.state_type = 'SCHEDULED'
    and r.next_scheduled_start_time <= :before and coalesce(r.retry_type, '') <> 'in_process'
    and (l.id is null or not l.active or d.cancel_new or l.max_slots > (
        select coalesce(sum(x.slots), 0) from limit_leases x where x.limit_id = l.id and x.expires_at > :now))
order by r.next_scheduled_start_time limit :limit

-- name: candidates_of_deployments (postgres)
select r.id from flow_runs r join deployments d on d.id = r.deployment_id left join limits l on l.id = d.limit_id
where r.deployment_id in (select jsonb_array_elements_text(:ids)) and r.state_type = 'SCHEDULED'
    and r.next_scheduled_start_time <= :before and coalesce(r.retry_type, '') <> 'in_process'
    and (l.id is null or not l.active or d.cancel_new or l.max_slots > (
        select coalesce(sum(x.slots), 0) from limit_leases x where x.limit_id = l.id and x.expires_at > :now))
order by r.next_scheduled_start_time limit :limit for update of r skip locked

-- name: next_due_of_deployments
select min(t.due) from (select (select r.next_scheduled_start_time from flow_runs r
    where r.deployment_id = d.id and r.state_type = 'SCHEDULED' and r.next_scheduled_start_time > :now
        and coalesce(r.retry_type, '') <> 'in_process'
    order by r.next_scheduled_start_time limit 1) as due
from deployments d where d.id in (select value from json_each(:ids))) t

-- name: next_due_of_deployments (postgres)
select min(t.due) from (select (select r.next_scheduled_start_time from flow_runs r
    where r.deployment_id = d.id and r.state_type = 'SCHEDULED' and r.next_scheduled_start_time > :now
        and coalesce(r.retry_type, '') <> 'in_process'
    order by r.next_scheduled_start_time limit 1) as due
from deployments d where d.id in (select jsonb_array_elements_text(:ids))) t

-- name: lease
update flow_runs set lease_holder = :holder, lease_expires_at = :expires_at, attempt = attempt + 1,
    watched_by = :host, watched_until = :watched_until
where id = :id returning attempt

-- name: held
select id, attempt, state_type, lease_holder, watched_by
from flow_runs where id in (select value from json_each(:ids))

-- name: held (postgres)
select id, attempt, state_type, lease_holder, watched_by
from flow_runs where id in (select jsonb_array_elements_text(:ids))

-- name: renew
update flow_runs set lease_expires_at = :expires_at where id = :id and attempt = :attempt and lease_holder = :holder

-- The slot of the deployment's limit lives as long as the run it is for.
-- name: renew_slots
update limit_leases set expires_at = :expires_at where holder_type = 'flow_run'
    and holder_id = :id and expires_at > :now and expires_at < :expires_at

-- name: renew_pending
update flow_runs set lease_expires_at = :expires_at where lease_holder = :holder and state_type = 'PENDING'
    and lease_expires_at is not null

-- name: name_holder
update flow_runs set lease_holder = :holder, lease_expires_at = :expires_at
where id = :id and state_type = 'PENDING' and lease_holder = :unnamed
