// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// The line on which alarms arrive: server-sent events, with the list fetched anew after each gap.

import { get } from "./api.js";
import { changed, state } from "./state.js";

const AGAIN_MS = [1000, 2000, 4000, 8000];
let source = null;
let attempt = 0;
let timer = 0;
let onOut = () => {};
/** What arrived while the list was being fetched: newer than the list. */
let meanwhile = null;

/** Opens the line; `signedOut` is called when the gateway ends our sign-in. */
export function connect(signedOut) {
  disconnect();
  onOut = signedOut;
  attempt = 0;
  open();
}

/** Closes the line. */
export function disconnect() {
  clearTimeout(timer);
  source?.close();
  source = null;
  setLine("off");
}

function setLine(line) {
  if (state.line === line) return;
  state.line = line;
  changed("line");
}

function open() {
  source = new EventSource("/api/alarms/events");
  source.addEventListener("ready", refresh);
  source.addEventListener("alarm", (event) => take(JSON.parse(event.data)));
  source.addEventListener("confirm", (event) => changed("confirm", JSON.parse(event.data)));
  source.addEventListener("incident", (event) => changed("incident", JSON.parse(event.data)));
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
    const before = state.alarms;
    state.alarms = new Map([...list.map((alarm) => [alarm.id, alarm]), ...arrived]);
    attempt = 0;
    setLine("live");
    changed("alarms");
    if (before) for (const alarm of list) if (!before.has(alarm.id) && alarm.state !== "chiuso") changed("new-alarm", alarm);
  } catch {
    setLine("waiting");
  } finally {
    if (meanwhile === arrived) meanwhile = null;
  }
}

/** Takes one alarm, new or changed. */
export function take(alarm) {
  state.alarms ??= new Map();
  const isNew = !state.alarms.has(alarm.id);
  state.alarms.set(alarm.id, alarm);
  meanwhile?.set(alarm.id, alarm);
  changed("alarms", alarm);
  if (isNew && alarm.state !== "chiuso") changed("new-alarm", alarm);
}
