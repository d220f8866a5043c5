// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// What the desk makes of the alarms: order, incidents, who answers, how long until others are told. Pure.

/** Seconds to the next recipients at which a screen reader is told once. */
export const WARN_S = 30;
const HOLD_UP = "rapina";
const LINE_CUT = "linea-interrotta";
const OWNER = "owner.private";

/** Returns whether an alarm still waits for a verdict. */
export const isOpen = (alarm) => alarm.state !== "chiuso";

/** Returns whether it is a hold-up: always on top, with a mark of its own. */
export const isHoldUp = (alarm) => alarm.rule === HOLD_UP || Boolean(alarm.silent);

/** Returns whether nobody has answered it yet. */
export const isUnanswered = (alarm) => isOpen(alarm) && !alarm.taken;

/** Returns whether this person may hear of it aloud: a silent alarm stays silent on its own site (B-26). */
export const isAudible = (alarm, user) => !(alarm.silent && user?.role === OWNER);

/** Orders alarms and incidents: hold-ups, then the gravest, then what nobody answered, then the longest waiting. */
export function compare(a, b) {
  return Number(isHoldUp(b)) - Number(isHoldUp(a)) || b.severity - a.severity || Number(isUnanswered(b)) - Number(isUnanswered(a))
    || (a.raised < b.raised ? -1 : a.raised > b.raised ? 1 : a.id < b.id ? -1 : 1);
}

/** Returns the queue: one entry per incident, { key, lead, members }, the members in the same order. */
export function queue(alarms) {
  const groups = new Map();
  for (const alarm of alarms) if (isOpen(alarm)) {
    const key = alarm.group || alarm.id;
    groups.set(key, [...(groups.get(key) ?? []), alarm]);
  }
  return [...groups].map(([key, members]) => {
    members.sort(compare);
    return { key, lead: members[0], members };
  }).sort((a, b) => compare(ranked(a), ranked(b)));
}

/** Returns how an incident ranks: as its gravest alarm, unanswered while one of them is. */
function ranked({ lead, members }) {
  const waiting = members.filter(isUnanswered);
  if (!waiting.length) return lead;
  const since = waiting.reduce((oldest, one) => (one.raised < oldest ? one.raised : oldest), waiting[0].raised);
  return { ...lead, taken: "", raised: since };
}

/** Returns the unanswered alarms that this person may answer, in the order of the queue. */
export const toAnswer = (alarms) => queue(alarms).flatMap(({ members }) => members).filter((one) => isUnanswered(one) && one.may_take);

/** Returns the alarm of an incident that goes on to others first, or null. */
export function nextEscalation(members) {
  const coming = members.filter((one) => isUnanswered(one) && one.escalates);
  return coming.length ? coming.reduce((first, one) => (one.escalates < first.escalates ? one : first)) : null;
}

/** Returns whole seconds until `iso`, never below 0. `now` in ms. */
export const secondsTo = (iso, now) => Math.max(0, Math.ceil((new Date(iso).getTime() - now) / 1000));

/** Returns 0:42. */
export const minutes = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

/** Returns the ids of the edges whose line is known to be cut: their alarms may be out of date. */
export const cutEdges = (alarms) => new Set(alarms.filter((one) => one.rule === LINE_CUT && one.state === "aperto").map((one) => one.zone));

/** Returns whether what we know of an alarm may be old because its edge does not reach us. */
export const isStale = (alarm, cut) => cut.has((alarm.camera ?? "").split(".", 2)[0]) && alarm.camera.includes(".");
