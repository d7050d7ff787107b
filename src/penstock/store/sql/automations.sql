-- name: set_owner
update automations set owner_resource = :owner_resource where id = :id

-- name: read_owner
select owner_resource from automations where id = :id

-- name: owned_by
select doc from automations where owner_resource = :owner_resource order by id

-- name: related_to
select a.doc from automations a join automation_resources r on r.automation_id = a.id
where r.resource_id = :resource_id
order by a.name, a.id

-- name: relate
insert into automation_resources (automation_id, resource_id) values (:id, :resource_id)

-- name: forget_resources
delete from automation_resources where automation_id = :id
