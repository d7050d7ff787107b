-- name: tell
insert into configuration (key, doc) values ('push-problem/' || :id, :doc)
on conflict (key) do update set doc = excluded.doc

-- name: all
select key, doc from configuration where key like 'push-problem/%'

-- name: clear
delete from configuration where key = 'push-problem/' || :id
