-- name: read_after
select id, occurred, doc from events
where (occurred, id) > (:occurred, :id)
order by occurred, id
limit :limit
