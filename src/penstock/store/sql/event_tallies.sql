-- The next moment that an event occurred at.
-- name: next_moment
select min(occurred) from events where occurred >= :begin and occurred < :end

-- name: tally
with e as materialized (
    select event, occurred from events where occurred >= :hour and occurred < :end
), parts as (
    select 60000000 as length, occurred / 60000000 * 60000000 as begins, e.* from e
    union all select 3600000000, cast(:hour as bigint), e.* from e
), tallies as (
    select length, begins, event, count(*) as events, min(occurred) as earliest, max(occurred) as latest
    from parts group by length, begins, event
)
select h.changes, length, begins, event, events, earliest, latest
from tallied_hours h left join tallies on true where h.noun = 'events' and h.hour = :hour

-- name: forget
delete from event_tallies where length in (60000000, 3600000000) and begins >= :hour and begins < :end

-- name: keep
insert into event_tallies (length, begins, event, events, earliest, latest)
values (:length, :begins, :event, :events, :earliest, :latest)
