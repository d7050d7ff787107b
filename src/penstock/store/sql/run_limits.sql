-- name: lock_limit
select max_slots, active from limits where id = :id

-- name: lock_limit (postgres)
select max_slots, active from limits where id = :id for update

-- name: used
select coalesce(sum(slots), 0), coalesce(max(case when id = :lease then 1 else 0 end), 0)
from limit_leases where limit_id = :id and expires_at > :now

-- name: hold
insert into limit_leases (id, limit_id, slots, holder_type, holder_id, acquired_at, expires_at)
values (:id, :limit_id, 1, 'flow_run', :run_id, :now, :expires_at)

-- name: renew
update limit_leases set expires_at = :expires_at where id = :id

-- name: release
delete from limit_leases where id = :id
