-- Small values that belong to the whole server, such as its default result storage.

create table configuration (
    key text primary key,
    doc text not null
);
