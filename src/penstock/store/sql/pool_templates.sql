-- name: newest
select number, template from pool_templates where work_pool_id = :pool_id order by number desc limit 1

-- name: add
insert into pool_templates (work_pool_id, number, created, template) values (:pool_id, :number, :created, :template)

-- name: forget_old
delete from pool_templates where work_pool_id = :pool_id and number <= :number

-- name: list_templates
select number, created, template from pool_templates where work_pool_id = :pool_id order by number desc

-- name: delete_of_pool
delete from pool_templates where work_pool_id = :pool_id
