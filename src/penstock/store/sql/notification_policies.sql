-- name: page
select doc from automations
where owner_resource = :owner_resource
order by id limit :limit offset :offset

-- name: page_by_activity
select doc from automations
where owner_resource = :owner_resource and enabled = :enabled
order by id limit :limit offset :offset

-- name: policy_by_id
select doc from automations where id = :id and owner_resource = :owner_resource
