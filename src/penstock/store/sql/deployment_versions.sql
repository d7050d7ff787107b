-- name: latest
select number, digest, doc from deployment_versions where deployment_id = :deployment_id order by number desc limit 1

-- name: insert
insert into deployment_versions (id, deployment_id, number, digest, created, doc)
values (:id, :deployment_id, :number, :digest, :created, :doc)

-- name: end
update deployment_versions set ended_as = :ended_as where deployment_id = :deployment_id and number = :number

-- name: list
select doc from deployment_versions where deployment_id = :deployment_id order by number desc limit :limit

-- name: read
select doc, ended_as from deployment_versions where deployment_id = :deployment_id and number = :number

-- name: crowded
select deployment_id, max(number) from deployment_versions group by deployment_id having count(*) > :keep limit :limit

-- name: pinned
select distinct json_extract(doc, '$.labels."penstock.deployment.version"') from flow_runs
where deployment_id = :deployment_id and state_type in ('SCHEDULED', 'PENDING', 'RUNNING', 'PAUSED', 'CANCELLING')

-- name: pinned (postgres)
select distinct cast(doc::jsonb -> 'labels' ->> 'penstock.deployment.version' as integer) from flow_runs
where deployment_id = :deployment_id and state_type in ('SCHEDULED', 'PENDING', 'RUNNING', 'PAUSED', 'CANCELLING')

-- name: forget
delete from deployment_versions where id in (select v.id from deployment_versions v
    where v.deployment_id = :deployment_id and v.number <= :before
        and v.number not in (select value from json_each(:pinned)) order by v.number limit :limit) returning id

-- name: forget (postgres)
delete from deployment_versions where id in (select v.id from deployment_versions v
    where v.deployment_id = :deployment_id and v.number <= :before
        and v.number not in (select cast(jsonb_array_elements_text(:pinned) as integer)) order by v.number limit :limit)
returning id
