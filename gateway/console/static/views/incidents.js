// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// The incidents of this room: those that go on first, each with who deals with it.

import { get, post } from "../api.js";
import { ask } from "../dialog.js";
import { fill, h, icon, reconcile } from "../dom.js";
import { clock, day, full, language, t, word } from "../i18n.js";
import { hasPlace, IncidentMap } from "../map.js";
import { severity } from "../severity.js";
import { watch } from "../state.js";

const POLL_MS = 15_000;

/** Shows the page. */
export function incidents(container) {
  const view = new IncidentsView(container);
  view.enter();
  return { title: t("incidents.title"), leave: () => view.leave() };
}

class IncidentsView {
  constructor(container) {
    this.gone = new AbortController();
    this.open = h("ul", { class: "alarms incidents", "aria-label": t("incidents.open") });
    this.done = h("ul", { class: "alarms alarms-done incidents", "aria-label": t("incidents.done") });
    this.nothing = h("p", { class: "notice" }, t("app.loading"));
    this.doneTitle = h("h2", { hidden: true }, t("incidents.done"));
    this.term = h("p", { class: "muted", hidden: true });
    this.map = new IncidentMap();
    this.cameras = [];
    this.add = h("button", { type: "button", class: "primary", disabled: true, onclick: () => this.create() }, icon("plus"), t("incidents.new"));
    container.append(
      h("div", { class: "page-head" }, h("h1", { tabindex: "-1" }, t("incidents.title")), this.add),
      h("h2", {}, t("incidents.open")), this.nothing, this.open, this.map.element, this.doneTitle, this.term, this.done);
  }

  enter() {
    this.stopWatching = watch((what) => { if (what === "incident") this.refresh(); });
    this.timer = setInterval(() => { if (!document.hidden) this.refresh(); }, POLL_MS);
    this.refresh();
  }

  leave() {
    this.gone.abort();
    clearInterval(this.timer);
    this.stopWatching();
  }

  async refresh() {
    try {
      this.found = await get("/api/incidents", { signal: this.gone.signal });
    } catch (problem) {
      if (problem.name === "AbortError") return;
      this.nothing.hidden = false;
      this.nothing.textContent = problem.message;
      return;
    }
    this.add.disabled = false;
    this.draw();
    if (!this.cameras.length && this.found.incidents.some((one) => one.state !== "chiuso" && hasPlace(one))) {
      this.cameras = await get("/api/cameras", { signal: this.gone.signal }).catch(() => []); // the map is a help
      if (!this.gone.signal.aborted) this.draw();
    }
  }

  draw() {
    const open = this.found.incidents.filter((one) => one.state !== "chiuso");
    const done = this.found.incidents.filter((one) => one.state === "chiuso");
    const note = open.length ? "" : t("incidents.none");
    this.nothing.hidden = !note;
    if (this.nothing.textContent !== note) this.nothing.textContent = note;
    this.map.update(open, this.cameras);
    this.doneTitle.hidden = this.term.hidden = done.length === 0;
    if (!this.term.textContent) this.term.textContent = t(this.found.keep_days === 1 ? "incidents.term.one" : "incidents.term", { n: this.found.keep_days });
    for (const [list, items] of [[this.open, open], [this.done, done]]) reconcile(list, items, (one) => `${one.id} ${one.version} ${one.unread}`, (one) => row(one, this.found.kinds), () => {});
  }

  async create() {
    const made = await openDialog(this.found);
    if (made) location.hash = `#/interventi/${made.id}`;
  }
}

/** Asks what an incident is about and opens it; `known` is the answer of /api/incidents. */
export function openDialog(known, { title = "", priority = 3, address = "", place = null, cameras = [], alarms = [], lead = t("incidents.new.lead") } = {}) {
  const key = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  return ask({
    title: t("incidents.new"), lead, submit: t("incidents.new.submit"),
    fields: [
      { name: "title", label: t("incidents.field.title"), required: true, minlength: 3, maxlength: 120, value: title },
      { name: "kind", label: t("incidents.field.kind"), options: known.kinds.map((one) => [one.code, kindName(one)]) },
      { name: "priority", label: t("incidents.field.priority"), value: String(priority), options: [5, 4, 3, 2, 1].map((n) => [String(n), t(`severity.${n}`)]) },
      { name: "address", label: t("incidents.field.address"), maxlength: 200, value: address },
    ],
    run: ({ title: name, kind, priority: level, address: where }) => post("/api/incidents", {
      title: name, kind, priority: Number(level), address: where, cameras, alarms, ...(place ? { latitude: place[0], longitude: place[1] } : {}),
    }, { "Idempotency-Key": key }),
  });
}

/** Returns what a kind is called. */
export const kindName = (kind) => (language() === "it" ? kind.it : kind.en);

/** Returns the state of an incident as a chip. */
export function stateChip(one) {
  const looks = { aperto: ["bad", "incident"], "preso-in-carico": ["ok", "check"], passato: ["warn", "send"], chiuso: ["calm", "check"] };
  const [tone, mark] = looks[one.state] ?? ["calm", "idle"];
  const words = one.state === "passato" ? t("incident-state.passato.to", { name: one.responsible.name }) : one.state === "chiuso" ? `${word("incident-state", one.state)}: ${word("outcome", one.outcome).toLocaleLowerCase()}` : word("incident-state", one.state);
  return h("span", { class: `chip chip-${tone}` }, icon(mark), h("span", {}, words));
}

function row(one, kinds) {
  const kind = kinds.find((each) => each.code === one.kind);
  const href = `#/interventi/${one.id}`;
  const others = one.shared_with.length && t("incidents.with", { names: [one.opened_by, ...one.shared_with].filter((each) => each.id !== one.responsible.id).map((each) => each.name).join(", ") });
  return h("li", { class: "alarm-row", data: { state: one.state === "chiuso" ? "chiuso" : one.state === "aperto" ? "aperto" : "cessato", level: one.priority } },
    h("div", { class: "alarm-when" }, h("time", { datetime: one.opened, title: full(one.opened) }, clock(one.opened).slice(0, 5)), h("span", { class: "muted" }, day(one.opened))),
    h("div", { class: "alarm-what" },
      h("p", { class: "alarm-name" }, one.title),
      h("p", { class: "muted" }, [kind ? kindName(kind) : one.kind, one.address, t("incidents.by", { name: one.responsible.name }), others].filter(Boolean).join(" · "))),
    h("div", { class: "alarm-tags" }, severity(one.priority), stateChip(one),
      one.unread > 0 && h("span", { class: "chip chip-warn" }, icon("message"), t(one.unread === 1 ? "incidents.unread.one" : "incidents.unread", { n: one.unread })),
      one.exercise && h("span", { class: "stamp stamp-inline" }, t("alarms.exercise"))),
    h("div", { class: "alarm-do" }, h("a", { class: `button ${one.state === "chiuso" ? "quiet" : "primary"}`, href, "aria-label": t("incidents.show.of", { name: one.title }) }, t("incidents.show"))));
}

/** Offers to open an incident from an alarm, or to attach it to one that goes on. */
export async function fromAlarm(alarm) {
  const known = await get("/api/incidents?state=open");
  const near = (await get("/api/cameras").catch(() => [])).find((one) => one.id === alarm.camera);
  const place = near && (near.latitude || near.longitude) ? [near.latitude, near.longitude] : null;
  const given = { title: t("alarm.title", { rule: word("rule", alarm.rule), name: alarm.camera_name }), priority: alarm.severity, address: near?.address ?? "", place, cameras: near ? [alarm.camera] : [], alarms: [alarm.id] };
  const others = known.incidents.filter((one) => !one.alarms.includes(alarm.id));
  if (!others.length) return openDialog(known, { ...given, lead: t("incidents.from-alarm.lead") });
  const chosen = await ask({
    title: t("incidents.from-alarm"), lead: t("incidents.from-alarm.which"), submit: t("incidents.from-alarm.go"),
    fields: [{ name: "incident", label: t("incidents.from-alarm.incident"), options: [["", t("incidents.new")], ...others.map((one) => [one.id, one.title])] }],
  });
  if (!chosen) return null;
  if (!chosen.incident) return openDialog(known, { ...given, lead: t("incidents.from-alarm.lead") });
  const made = await post(`/api/incidents/${chosen.incident}/alarms`, { alarms: [alarm.id] });
  return near ? post(`/api/incidents/${chosen.incident}/cameras`, { cameras: [alarm.camera] }) : made;
}

/** Draws the button below an alarm; `after(incident)` once it is attached. */
export function alarmButton(alarm) {
  const problem = h("p", { class: "field-problem", role: "alert" });
  const button = h("button", { type: "button", class: "quiet", onclick: async () => {
    fill(problem);
    try {
      const made = await fromAlarm(alarm());
      if (made) location.hash = `#/interventi/${made.id}`;
    } catch (error) {
      problem.textContent = error.message;
    }
  } }, icon("incident"), t("incidents.from-alarm"));
  return h("div", { class: "alarm-incident" }, button, problem);
}
