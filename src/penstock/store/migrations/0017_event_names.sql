-- Events of a name over a time, the newest first: most of them tell of runs, and the others are looked for among those.
create index events_by_name on events (event, occurred, id);
