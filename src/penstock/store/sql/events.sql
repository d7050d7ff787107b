-- name: record_event
insert into events (id, occurred, event, resource_id, related, doc)
values (:id, :occurred, :event, :resource_id, :related, :doc)
on conflict (id) do nothing
