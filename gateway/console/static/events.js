// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// The line on which alarms arrive: server-sent events, with the list fetched anew after each gap.

import { get } from "./api.js";
import { changed, state } from "./state.js";

const AGAIN_MS = [1000, 2000, 4000, 8000];
/** The gateway speaks every 10 s at least: after so much silence the line is cut, though nobody told us. */
const DEAF_MS = 25_000;
const TICK_MS = 5000;
/** Alarms already announced in this tab: a page loaded anew announces only what came meanwhile. */
const SEEN_KEY = "varco.seen";
const MOST_SEEN = 2500; // more than the list holds: a page loaded anew rings for none of them again
let source = null;
let attempt = 0;
let timer = 0;
let ticking = 0;
let onOut = () => {};
/** What arrived while the list was being fetched: newer than the list. */
let meanwhile = null;
/** Ids of the alarms that were announced in this tab. */
let announced = new Set();
/** Whether this tab never had a list: what stands in the first one is no news. */
let isFirst = true;

/** Opens the line; `signedOut` is called when the gateway ends our sign-in. */
export function connect(signedOut) {
  disconnect();
  onOut = signedOut;
  attempt = 0;
  const kept = recall();
  isFirst = kept === null;
  announced = kept ?? new Set();
  open();
  ticking = setInterval(listen, TICK_MS);
}

/** Closes the line. */
export function disconnect() {
  clearTimeout(timer);
  clearInterval(ticking);
  source?.close();
  source = null;
  setLine("off");
}

/** Notes that the gateway was heard, and its time if it told it. */
function heard(event) {
  state.heard = Date.now();
  if (!event?.data) return;
  const { now } = JSON.parse(event.data);
  if (now) state.ahead = new Date(now).getTime() - Date.now();
}

/** A line over which nothing comes any more is opened anew: a cable that was pulled sends no end. */
function listen() {
  if (!source || state.line !== "live" || Date.now() - state.heard < DEAF_MS) return;
  setLine("waiting");
  reopen();
}

window.addEventListener("offline", () => { if (source) setLine("waiting"); });
window.addEventListener("online", () => { if (source) reopen(); });

function setLine(line) {
  if (state.line === line) return;
  state.line = line;
  changed("line");
}

function open() {
  source = new EventSource("/api/alarms/events");
  source.addEventListener("ready", (event) => { heard(event); refresh(); });
  source.addEventListener("beat", heard);
  source.addEventListener("alarm", (event) => { heard(); take(JSON.parse(event.data)); });
  source.addEventListener("confirm", (event) => changed("confirm", JSON.parse(event.data)));
  source.addEventListener("incident", (event) => changed("incident", JSON.parse(event.data)));
  source.addEventListener("report", (event) => changed("report", JSON.parse(event.data)));
  source.addEventListener("ledger", () => changed("ledger"));
  source.addEventListener("owner", (event) => changed("owner", JSON.parse(event.data)));
  source.addEventListener("signed-out", () => { disconnect(); onOut(); });
  source.addEventListener("error", () => {
    setLine("waiting");
    if (source?.readyState !== EventSource.CLOSED) return;
    clearTimeout(timer);
    timer = setTimeout(reopen, AGAIN_MS[Math.min(attempt++, AGAIN_MS.length - 1)]);
  });
}

/** A closed EventSource may mean that the sign-in ended: asking for the list tells (401). */
async function reopen() {
  const session = await get("/api/session").catch(() => null);
  if (!source) return;
  if (session && !session.user) {
    disconnect();
    onOut();
    return;
  }
  source?.close();
  open();
}

async function refresh() {
  const arrived = new Map();
  meanwhile = arrived;
  try {
    const list = await get("/api/alarms");
    const first = isFirst;
    isFirst = false;
    state.alarms = new Map(list.map((alarm) => [alarm.id, alarm]));
    for (const [id, alarm] of arrived) if (!isOlder(alarm, state.alarms.get(id))) state.alarms.set(id, alarm);
    attempt = 0;
    state.heard = Date.now();
    setLine("live");
    changed("alarms");
    const news = list.filter(isNews);
    remember();
    if (!first) for (const alarm of news) changed("new-alarm", alarm);
  } catch {
    // the stream stands and the list does not come: ask again, nothing may be missed
    setLine("waiting");
    clearTimeout(timer);
    timer = setTimeout(() => { if (meanwhile === null && source) refresh(); }, AGAIN_MS[Math.min(attempt++, AGAIN_MS.length - 1)]);
  } finally {
    if (meanwhile === arrived) meanwhile = null;
  }
}

/** What happened to an alarm is never unsaid: a view of fewer facts is older, however late it came. */
const isOlder = (alarm, known) => known !== undefined && (alarm.version ?? 0) < (known.version ?? 0);

/** Takes one alarm, new or changed; twice the same is once. */
export function take(alarm) {
  state.alarms ??= new Map();
  const known = state.alarms.get(alarm.id);
  if (isOlder(alarm, known)) return;
  state.alarms.set(alarm.id, alarm);
  meanwhile?.set(alarm.id, alarm);
  changed("alarms", alarm);
  if (isNews(alarm)) {
    remember();
    changed("new-alarm", alarm);
  }
  if (known && !alarm.taken && alarm.recipients.length > known.recipients.length) changed("escalated", alarm);
}

const keyOfSeen = () => `${SEEN_KEY}.${state.user?.id ?? ""}`;

/** Returns the alarms that this tab announced already; null if it never had a list. */
function recall() {
  try {
    const kept = sessionStorage.getItem(keyOfSeen());
    return kept && new Set(JSON.parse(kept));
  } catch {
    return null;
  }
}

const remember = () => sessionStorage.setItem(keyOfSeen(), JSON.stringify([...announced].slice(-MOST_SEEN)));

/** Returns whether an alarm is still to be announced in this tab; from now on it is not. */
function isNews(alarm) {
  if (announced.has(alarm.id)) return false;
  announced.add(alarm.id);
  return alarm.state !== "chiuso";
}
