-- Who watches over the jobs of runs; see the columns `watched_by` and `watched_until`.

-- Only one host gets a run: the statement looks and takes in one, and a lapsed watch is not lapsed any more then.
-- name: adopt
update flow_runs set watched_by = :host, watched_until = :until, lease_expires_at = max(lease_expires_at, :until)
where id in (
    select r.id from flow_runs r join work_queues q on q.id = r.work_queue_id
    where q.work_pool_id = :pool_id and r.lease_holder >= 'claim:' and r.lease_holder < 'claim;'
        and r.watched_until <= :now
    order by r.watched_until limit :limit)
returning id, attempt, lease_holder

-- name: adopt (postgres)
update flow_runs set watched_by = :host, watched_until = cast(:until as bigint),
    lease_expires_at = greatest(lease_expires_at, cast(:until as bigint))
where id in (
    select r.id from flow_runs r join work_queues q on q.id = r.work_queue_id
    where q.work_pool_id = :pool_id and r.lease_holder is not null and r.lease_holder like 'claim:%'
        and r.watched_until <= :now
    order by r.watched_until limit :limit for update of r skip locked)
returning id, attempt, lease_holder

-- name: renew
update flow_runs set watched_until = :until where id = :id and watched_by = :host

-- name: begin
update flow_runs set watched_by = :host, watched_until = :until where id = :id and watched_by is null

-- name: end_watches
update flow_runs set watched_until = :now where watched_by = :host and lease_holder is not null and watched_until > :now

-- name: push_pools
select doc from work_pools where type like '%:push' order by created, id
