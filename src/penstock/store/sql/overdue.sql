-- What the services beside the API look for: runs for which a time has passed.

-- name: late
select id, next_scheduled_start_time from flow_runs
where state_type = 'SCHEDULED' and state_name = 'Scheduled' and next_scheduled_start_time <= :before
order by next_scheduled_start_time limit :limit

-- name: paused
select id, json_extract(doc, '$.state.state_details.pause_timeout') from flow_runs where state_type = 'PAUSED'

-- name: paused (postgres)
select id, cast(doc as jsonb) #>> '{state,state_details,pause_timeout}' from flow_runs where state_type = 'PAUSED'

-- `before` is of the end of the grace, which the row has since the run is being cancelled.
-- name: cancelling
select id from flow_runs where state_type = 'CANCELLING' and coalesce(cancel_by, state_timestamp) <= :before
order by state_timestamp limit :limit

-- name: loss_facts
select r.losses, d.doc from flow_runs r left join deployments d on d.id = r.deployment_id where r.id = :id

-- name: count_loss
update flow_runs set losses = losses + 1 where id = :id

-- A run that was watched is another host's first: its job may be well, and only its host gone.
-- name: lapsed
select id from flow_runs where lease_expires_at > :after and lease_expires_at <= :now and coalesce(watched_until, 0) <= :unwatched
order by lease_expires_at limit :limit

-- name: next_lapse
select min(lease_expires_at) from flow_runs where lease_expires_at is not null

-- name: end_lease
update flow_runs set lease_holder = null, lease_expires_at = null where id = :id and lease_expires_at <= :now

-- name: orphan_runs
select child.id, child.deployment_id from flow_runs parent
join task_runs t on t.flow_run_id = parent.id
join flow_runs child on child.parent_task_run_id = t.id
where parent.end_time >= :since and parent.state_type = 'CANCELLED'
  and child.state_type in ('SCHEDULED', 'PENDING', 'RUNNING', 'PAUSED')
limit :limit

-- name: orphan_tasks
select t.id from flow_runs parent join task_runs t on t.flow_run_id = parent.id
where parent.end_time >= :since and parent.state_type = 'CANCELLED'
  and t.state_type in ('SCHEDULED', 'PENDING', 'RUNNING', 'PAUSED', 'CANCELLING')
limit :limit

-- name: renew_by_sign_of_life
update flow_runs set lease_expires_at = :until
where id = :id and state_type in ('PENDING', 'RUNNING')
  and (lease_holder is null or lease_holder not like 'claim:%')
  and (lease_expires_at is null or lease_expires_at < :until)

-- name: pool_of_queue
select work_pool_id from work_queues where id = :id
