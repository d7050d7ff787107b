-- name: insert_limit
insert into limits (id, name, max_slots, active, slots, slots_at, denied_slots, slot_decay_per_second,
                    avg_slot_occupancy_seconds, created, updated)
values (:id, :name, :max_slots, :active, :slots, :now, :denied_slots, :decay, 2.0, :now, :now)
on conflict (name) do nothing
returning id

-- name: lock_limits
select id from limits where name in (select value from json_each(:names)) order by id

-- name: lock_limits (postgres)
select id from limits where name in (select jsonb_array_elements_text(:names)) order by id for update

-- name: limits_by_name
select id, name, max_slots, active, slots, slots_at, denied_slots, slot_decay_per_second, avg_slot_occupancy_seconds,
       created, updated,
       coalesce((select sum(l.slots) from limit_leases l where l.limit_id = limits.id and l.expires_at > :now), 0)
from limits where name in (select value from json_each(:names)) order by id

-- name: limits_by_name (postgres)
select id, name, max_slots, active, slots, slots_at, denied_slots, slot_decay_per_second, avg_slot_occupancy_seconds,
       created, updated,
       coalesce((select sum(l.slots) from limit_leases l where l.limit_id = limits.id and l.expires_at > :now), 0)
from limits where name in (select jsonb_array_elements_text(:names)) order by id

-- name: limit_by_id
select id, name, max_slots, active, slots, slots_at, denied_slots, slot_decay_per_second, avg_slot_occupancy_seconds,
       created, updated,
       coalesce((select sum(l.slots) from limit_leases l where l.limit_id = limits.id and l.expires_at > :now), 0)
from limits where id = :id

-- name: list_limits
select id, name, max_slots, active, slots, slots_at, denied_slots, slot_decay_per_second, avg_slot_occupancy_seconds,
       created, updated,
       coalesce((select sum(l.slots) from limit_leases l where l.limit_id = limits.id and l.expires_at > :now), 0)
from limits where name >= :prefix and name < :end order by name limit :limit offset :offset

-- name: update_limit
update limits set name = :name, max_slots = :max_slots, active = :active, slots = :slots, slots_at = :slots_at,
                  denied_slots = :denied_slots, slot_decay_per_second = :decay, updated = :now
where id = :id

-- name: delete_limit
delete from limits where id = :id

-- name: delete_leases_of_limit
delete from limit_leases where limit_id = :id

-- name: set_taken
update limits set slots = :slots, slots_at = :now, denied_slots = 0 where id = :id

-- name: set_denied
update limits set denied_slots = :denied where id = :id

-- name: set_occupancy
update limits set avg_slot_occupancy_seconds = :occupancy where id = :id

-- name: insert_lease
insert into limit_leases (id, limit_id, slots, holder_type, holder_id, acquired_at, expires_at)
values (:id, :limit_id, :slots, :holder_type, :holder_id, :now, :expires_at)

-- name: held_by_lease
select limit_id from limit_leases where id = :id and expires_at > :now

-- name: renew_lease
update limit_leases set expires_at = :expires_at where id = :id and expires_at > :now returning limit_id

-- name: delete_lease
delete from limit_leases where id = :id returning limit_id, slots, acquired_at

-- name: delete_lapsed_leases
delete from limit_leases where expires_at <= :now returning id

-- name: holders
select holder_id from limit_leases
where limit_id = :limit_id and expires_at > :now and holder_type = 'task_run' and holder_id is not null
order by acquired_at

-- name: delete_holder
delete from limit_leases where limit_id = :limit_id and holder_id = :holder_id

-- name: leases_of_limits
select l.id, l.limit_id, l.slots, l.acquired_at, l.expires_at, l.holder_type, l.holder_id,
       coalesce(r.name, t.name, d.name), coalesce(r.id, t.flow_run_id)
from limit_leases l
left join flow_runs r on l.holder_type = 'flow_run' and r.id = l.holder_id
left join task_runs t on l.holder_type = 'task_run' and t.id = l.holder_id
left join deployments d on l.holder_type = 'deployment' and d.id = l.holder_id
where l.limit_id in (select value from json_each(:ids)) and l.expires_at > :now
order by l.limit_id, l.acquired_at, l.id limit :limit

-- name: leases_of_limits (postgres)
select l.id, l.limit_id, l.slots, l.acquired_at, l.expires_at, l.holder_type, l.holder_id,
       coalesce(r.name, t.name, d.name), coalesce(r.id, t.flow_run_id)
from limit_leases l
left join flow_runs r on l.holder_type = 'flow_run' and r.id = l.holder_id
left join task_runs t on l.holder_type = 'task_run' and t.id = l.holder_id
left join deployments d on l.holder_type = 'deployment' and d.id = l.holder_id
where l.limit_id in (select jsonb_array_elements_text(:ids)) and l.expires_at > :now
order by l.limit_id, l.acquired_at, l.id limit :limit
