-- SPDX-FileCopyrightText: 2026 The Varco authors
-- SPDX-License-Identifier: EUPL-1.2
--
-- A room's store on PostgreSQL >= 15, made by the owner's account (varco store init).
-- @role@ is the role of the daemon: it owns nothing, and may do no more than is granted below.
--
-- One transaction, and harmless however often: an update runs it again. It adds what is not there,
-- makes functions, policies and rights anew as they stand here, and touches no row.

set local lock_timeout = '10s';
select pg_advisory_xact_lock(hashtext('varco store init'));
create schema if not exists varco;
grant usage on schema varco to @role@;
set local search_path = varco;
revoke all on all tables in schema varco from @role@;

create or replace function varco.is_for(organisation text) returns boolean
language sql stable as $$
  select current_setting('varco.organisations', true) = '*'
      or organisation = any(string_to_array(current_setting('varco.organisations', true), ','))
$$;

-- who may know of an edge --------------------------------------------------------------------

create table if not exists edge_organisation(
  edge text not null, organisation text not null, primary key(edge, organisation));
grant select, insert, delete on edge_organisation to @role@;
alter table edge_organisation enable row level security;
alter table edge_organisation force row level security;
drop policy if exists edge_of_organisation on edge_organisation;
create policy edge_of_organisation on edge_organisation using (varco.is_for(organisation));

create or replace function varco.is_edge_for(name text) returns boolean
language sql stable as $$
  select current_setting('varco.organisations', true) = '*'
      or exists(select 1 from varco.edge_organisation e
                where e.edge = name and varco.is_for(e.organisation))
$$;

-- alarms that edges sent: ids are UUIDv7, so that a month is a span of ids --------------------

create table if not exists inbox(
  id text collate "C" not null,
  prefix text not null, box text not null,
  camera text not null, rule text not null, zone text not null,
  severity bigint not null, exercise bigint not null,
  raised_utc_us bigint not null, received_utc_us bigint not null,
  ended_utc_us bigint not null default 0,
  copies bigint not null default 0,
  primary key(id)) partition by range(id);
create table if not exists inbox_other partition of inbox default;
create index if not exists inbox_received on inbox(received_utc_us);
alter table inbox enable row level security;
alter table inbox force row level security;
drop policy if exists inbox_of_organisation on inbox;
create policy inbox_of_organisation on inbox using (varco.is_edge_for(box));
grant select, insert, update on inbox to @role@;

-- verdicts that go back to edges, and whose log is whose (the box alone reads them) -------------

create table if not exists verdict(
  alarm text not null primary key, edge text not null, verdict text not null,
  actor text not null, utc_us bigint not null,
  sent_utc_us bigint not null default 0, problem text not null default '');
create index if not exists verdict_waiting on verdict(edge, utc_us) where sent_utc_us = 0;
create table if not exists taken(
  alarm text not null primary key, edge text not null, actor text not null,
  utc_us bigint not null,
  sent_utc_us bigint not null default 0, problem text not null default '');
create index if not exists taken_waiting on taken(edge, utc_us) where sent_utc_us = 0;
create table if not exists edge_log(edge text not null primary key, vkey text not null);
grant select, insert, update, delete on verdict, taken to @role@;
grant select, insert, delete on edge_log to @role@;

-- incidents between rooms: who is a party follows from their events, so the box alone reads them --

create table if not exists incident(
  id text not null primary key, home text not null, is_open bigint not null,
  opened_utc_us bigint not null);
create index if not exists incident_opened on incident(opened_utc_us);
create table if not exists incident_event(
  id text not null primary key, incident text not null, number bigint not null,
  clock bigint not null, utc_us bigint not null, kind text not null,
  organisation text not null, role text not null, actor text not null, name text not null,
  room text not null, body text not null, void bigint not null default 0);
create unique index if not exists incident_event_number on incident_event(incident, number);
create table if not exists incident_owed(
  taker text not null, event text not null, place bigint not null, incident text not null,
  payload text not null, attempts bigint not null default 0,
  due_utc_us bigint not null default 0, primary key(taker, event));
create index if not exists incident_owed_place on incident_owed(taker, place);
create table if not exists incident_closed(
  incident text not null primary key, seen_utc_us bigint not null);
create table if not exists incident_once(
  scope text not null, key text not null, sha256 text not null, incident text not null,
  utc_us bigint not null, answer text not null default '', primary key(scope, key));
grant select, insert, update, delete on incident, incident_owed, incident_once to @role@;
grant select, insert, update, delete on incident_event to @role@;
grant select, insert, delete on incident_closed to @role@;

-- reports of vigilance institutes: numbers and passages are only added; the box alone reads them --

create table if not exists report(
  id text not null primary key, direction text not null, year bigint not null,
  place bigint not null, institute text not null, kind text not null, urgent bigint not null,
  economic bigint not null, exercise bigint not null, sent_utc_us bigint not null,
  state text not null, recipients text not null, line text not null,
  answers text not null default '', incident text not null default '');
create unique index if not exists report_number on report(direction, year, place);
create index if not exists report_sent on report(sent_utc_us);
create table if not exists report_party(
  organisation text not null, report text not null, primary key(organisation, report));
create table if not exists report_words(
  report text not null primary key, sent_utc_us bigint not null, body text not null);
create index if not exists report_words_sent on report_words(sent_utc_us);
create table if not exists report_passage(
  report text not null, number bigint not null, utc_us bigint not null, what text not null,
  organisation text not null, role text not null, actor text not null, detail text not null,
  primary key(report, number));
create table if not exists report_once(
  scope text not null, key text not null, sha256 text not null, report text not null,
  utc_us bigint not null, primary key(scope, key));
grant select, insert, update on report to @role@;
grant select, insert on report_party, report_passage to @role@;
grant select, insert, delete on report_words, report_once to @role@;

do $$
declare name text;
begin
  foreach name in array array['verdict', 'taken', 'edge_log', 'incident', 'incident_event',
                              'incident_closed',
                              'incident_owed', 'incident_once', 'report', 'report_party',
                              'report_words', 'report_passage', 'report_once'] loop
    execute format('alter table varco.%I enable row level security', name);
    execute format('alter table varco.%I force row level security', name);
    execute format('drop policy if exists the_box_alone on varco.%I', name);
    execute format('create policy the_box_alone on varco.%I
      using (current_setting(''varco.organisations'', true) = ''*'')', name);
  end loop;
end $$;

-- a copy of the log that nobody here can change: commitments only, no personal values ----------

create table if not exists ledger_mirror(
  origin text not null, seq bigint not null, utc_us bigint not null,
  header bytea not null, leaf bytea not null,
  primary key(origin, seq, utc_us)) partition by range(utc_us);
create table if not exists ledger_mirror_other partition of ledger_mirror default;
create table if not exists ledger_mirror_checkpoint(
  origin text not null, size bigint not null, note text not null, primary key(origin, size));
grant select, insert on ledger_mirror, ledger_mirror_checkpoint to @role@;

create or replace function varco.refuse() returns trigger language plpgsql as $$
begin
  raise exception 'ledger mirror: append only';
end $$;
create or replace trigger ledger_mirror_kept before update or delete on ledger_mirror
  for each row execute function varco.refuse();
create or replace trigger ledger_mirror_whole before truncate on ledger_mirror
  for each statement execute function varco.refuse();
create or replace trigger ledger_mirror_checkpoint_kept before update or delete
  on ledger_mirror_checkpoint for each row execute function varco.refuse();

-- months -------------------------------------------------------------------------------------

create or replace function varco.make_partitions(ahead integer) returns integer
language plpgsql security definer set search_path = varco, pg_temp as $$
declare
  month timestamptz; following timestamptz; made integer := 0; name text;
begin
  for step in 0..least(greatest(ahead, 0), 24) loop
    month := date_trunc('month', now() at time zone 'UTC') at time zone 'UTC'
      + make_interval(months => step);
    following := month + interval '1 month';
    name := to_char(month at time zone 'UTC', 'YYYY_MM');
    made := made + varco.make_month('inbox', name, varco.id_at(month), varco.id_at(following));
    made := made + varco.make_month('ledger_mirror', name,
      (extract(epoch from month)::bigint * 1000000)::text,
      (extract(epoch from following)::bigint * 1000000)::text);
  end loop;
  return made;
end $$;

-- the least UUIDv7 of an instant, as text
create or replace function varco.id_at(at timestamptz) returns text language sql immutable as $$
  select substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-'
  from (select lpad(to_hex(extract(epoch from at)::bigint * 1000), 12, '0') as h) as made
$$;

create or replace function varco.make_month(parent text, month text, low text, high text)
returns integer language plpgsql set search_path = varco, pg_temp as $$
begin
  if to_regclass(format('varco.%I', parent || '_' || month)) is not null then
    return 0;
  end if;
  execute format('create table varco.%I partition of varco.%I for values from (%L) to (%L)',
    parent || '_' || month, parent, low, high);
  return 1;
exception when check_violation then
  return 0;  -- rows of that month came first and stay where they are
end $$;

revoke all on function varco.make_month(text, text, text, text) from public;
revoke all on function varco.make_partitions(integer) from public;
grant execute on function varco.make_partitions(integer) to @role@;
