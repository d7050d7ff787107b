-- name: schema_by_id
select s.doc, t.doc from block_schemas s left join block_types t on t.id = s.block_type_id where s.id = :id

-- name: schema_by_checksum
select s.doc, t.doc from block_schemas s left join block_types t on t.id = s.block_type_id
where s.checksum = :checksum and s.version = :version

-- name: schema_by_checksum_only
select s.doc, t.doc from block_schemas s left join block_types t on t.id = s.block_type_id
where s.checksum = :checksum
order by s.id desc limit 1

-- name: all_capabilities
select distinct capabilities from block_schemas

-- name: delete_schemas_of_type
delete from block_schemas where block_type_id = :block_type_id

-- name: delete_documents_of_type
delete from block_documents where block_type_id = :block_type_id

-- name: delete_documents_of_schema
delete from block_documents where block_schema_id = :block_schema_id

-- name: delete_references_of_type
delete from block_references
where parent_id in (select id from block_documents where block_type_id = :block_type_id)
or referenced_id in (select id from block_documents where block_type_id = :block_type_id)

-- name: delete_references_of_schema
delete from block_references
where parent_id in (select id from block_documents where block_schema_id = :block_schema_id)
or referenced_id in (select id from block_documents where block_schema_id = :block_schema_id)

-- name: create_document
insert into block_documents (
    id, name, block_type_id, block_schema_id, block_type_name, is_anonymous, created, updated, doc, data
) values (
    :id, :name, :block_type_id, :block_schema_id, :block_type_name, :is_anonymous, :created, :updated, :doc, :data
)
on conflict do nothing returning id

-- name: update_document
update block_documents
set block_schema_id = :block_schema_id, updated = :updated, doc = :doc, data = :data
where id = :id

-- name: delete_document
delete from block_documents where id = :id

-- name: document_by_id
select d.doc, d.data, s.doc, t.doc, d.id
from block_documents d
join block_schemas s on s.id = d.block_schema_id
join block_types t on t.id = d.block_type_id
where d.id = :id

-- name: document_by_name
select d.doc, d.data, s.doc, t.doc, d.id
from block_documents d
join block_schemas s on s.id = d.block_schema_id
join block_types t on t.id = d.block_type_id
where t.slug = :slug and d.name = :name

-- name: add_references
insert into block_references (parent_id, name, referenced_id) values (:parent_id, :name, :referenced_id)

-- name: read_references
select name, referenced_id from block_references where parent_id = :parent_id order by name

-- name: read_references_of
select parent_id, name, referenced_id from block_references
where parent_id in (select value from json_each(:ids)) order by parent_id, name

-- name: read_references_of (postgres)
select parent_id, name, referenced_id from block_references
where parent_id in (select jsonb_array_elements_text(:ids)) order by parent_id, name

-- name: drop_references
delete from block_references where parent_id = :id or referenced_id = :id

-- name: drop_own_references
delete from block_references where parent_id = :id

-- name: lock_document
select id from block_documents where id = :id

-- name: lock_document (postgres)
select id from block_documents where id = :id for update
