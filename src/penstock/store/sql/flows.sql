-- name: id_of
select id from flows where name = :name

-- name: delete_states
delete from flow_run_states where flow_run_id in (select id from flow_runs where flow_id = :flow_id)

-- name: delete_task_states
delete from task_run_states where task_run_id in (
    select t.id from task_runs t join flow_runs r on r.id = t.flow_run_id where r.flow_id = :flow_id
)

-- name: delete_task_runs
delete from task_runs where flow_run_id in (select id from flow_runs where flow_id = :flow_id)

-- name: delete_runs
delete from flow_runs where flow_id = :flow_id

-- name: delete_deployments
delete from deployments where flow_id = :flow_id
