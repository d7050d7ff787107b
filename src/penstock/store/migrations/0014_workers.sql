-- What a worker says of itself (JSON), and what somebody wants of it: 'drain' or 'pause'.
alter table workers add column about text;
alter table workers add column wanted text;
