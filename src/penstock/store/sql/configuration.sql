-- name: read_value
select doc from configuration where key = :key

-- name: write_value
insert into configuration (key, doc) values (:key, :doc)
on conflict (key) do update set doc = excluded.doc

-- name: delete_value
delete from configuration where key = :key

-- name: answer
select 1

-- name: write_if_absent
insert into configuration (key, doc) values (:key, :doc) on conflict do nothing

-- name: describe
select sqlite_version(), (select max(name) from migrations)

-- name: describe (postgres)
select current_setting('server_version'), (select max(name) from migrations)
