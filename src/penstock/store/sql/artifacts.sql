-- name: read_latest
select doc from artifacts where key = :key order by id desc limit 1

-- name: read_origin
select r.name, t.name, f.id, f.name
from (select 1) one
left join flow_runs r on r.id = cast(:flow_run_id as text)
left join task_runs t on t.id = cast(:task_run_id as text)
left join flows f on f.id = r.flow_id
