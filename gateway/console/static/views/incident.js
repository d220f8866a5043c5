// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// One incident: its cameras with live pictures, what the rooms say to each other, and the journal.

import { get, post, query, request } from "../api.js";
import { ask } from "../dialog.js";
import { fill, h, icon, reconcile, say } from "../dom.js";
import { clock, day, full, number, t, word } from "../i18n.js";
import { severity } from "../severity.js";
import { state, watch } from "../state.js";
import { Card } from "./cameras.js";
import { kindName, stateChip } from "./incidents.js";

const POLL_MS = 5000;
const MOST_NEAR = 12;
const MOST_TEXT = 1000;

/** Shows the page of an incident. */
export function incident(container, id) {
  const view = new IncidentView(container, id);
  view.enter();
  return { title: t("incidents.title"), leave: () => view.leave() };
}

/** A camera of an incident: its picture needs no further question, the incident is the case. */
class IncidentCard extends Card {
  constructor(camera, incidentId, beside) {
    super(camera, () => {}, beside);
    this.incident = incidentId;
  }

  async open() {
    await this.look({ purpose: "intervento", case: this.incident, reason: "" });
  }
}

class IncidentView {
  constructor(container, id) {
    this.id = id;
    this.path = `/api/incidents/${encodeURIComponent(id)}`;
    this.cards = new Map();
    this.gone = new AbortController();
    this.title = h("h1", { tabindex: "-1" }, t("app.loading"));
    this.tags = h("div", { class: "alarm-tags" });
    this.where = h("p", { class: "muted" });
    this.actions = h("div", { class: "incident-actions", role: "group", "aria-label": t("incident.actions") });
    this.problem = h("p", { class: "field-problem", role: "alert" });
    this.dark = h("div", { class: "dark-note", role: "status", hidden: true });
    this.cameras = h("ul", { class: "cards near" });
    this.noCameras = h("p", { class: "notice", hidden: true }, t("incident.cameras.none"));
    this.addCameras = h("button", { type: "button", class: "quiet", onclick: () => this.attach() }, icon("plus"), t("incident.cameras.add"));
    this.alarms = h("ul", { class: "incident-alarms" });
    this.alarmsPart = h("section", { hidden: true, "aria-labelledby": "incident-alarms" }, h("h2", { id: "incident-alarms" }, t("incident.alarms")), this.alarms);
    this.parties = h("ul", { class: "incident-parties" });
    this.talk = h("ol", { class: "talk", "aria-label": t("incident.messages") });
    this.noTalk = h("p", { class: "muted" }, t("incident.messages.none"));
    this.text = h("textarea", { id: "incident-text", rows: "2", maxlength: String(MOST_TEXT), "aria-describedby": "incident-left", oninput: () => this.count() });
    this.left = h("span", { class: "muted", id: "incident-left" });
    this.send = h("button", { type: "submit", class: "primary" }, icon("send"), t("incident.messages.send"));
    this.say = h("form", { class: "talk-form", onsubmit: (event) => { event.preventDefault(); this.speak(); } },
      h("label", { for: "incident-text" }, t("incident.messages.label")), this.text,
      h("div", { class: "talk-do" }, this.left, this.send));
    this.journal = h("ol", { class: "incident-journal" });
    container.append(
      h("a", { class: "back", href: "#/interventi" }, icon("back"), t("incident.back")),
      h("div", { class: "page-head" }, h("div", {}, this.title, this.where), this.tags), this.dark, this.actions, this.problem,
      h("div", { class: "incident" },
        h("div", { class: "incident-main" },
          h("section", { "aria-labelledby": "incident-cameras" }, h("div", { class: "section-head" }, h("h2", { id: "incident-cameras" }, t("incident.cameras")), this.addCameras), this.noCameras, this.cameras),
          this.alarmsPart),
        h("aside", { class: "incident-side" },
          h("section", { class: "panel" }, h("h2", {}, t("incident.parties")), this.parties),
          h("section", { class: "panel talk-panel", "aria-labelledby": "incident-talk" }, h("h2", { id: "incident-talk" }, t("incident.messages")), this.noTalk, this.talk, this.say)),
        h("section", { class: "panel incident-diary" }, h("h2", {}, t("incident.journal")), this.journal)));
  }

  async enter() {
    this.stopWatching = watch((what, detail) => { if (what === "incident" && detail.id === this.id) this.refresh(); });
    this.timer = setInterval(() => { if (!document.hidden) this.refresh(); }, POLL_MS);
    this.count();
    this.kinds = get("/api/incidents?limit=1", { signal: this.gone.signal }).catch(() => ({ kinds: [], organisations: [], outcomes: [] }));
    await this.refresh();
  }

  leave() {
    this.gone.abort();
    clearInterval(this.timer);
    this.stopWatching();
    for (const card of this.cards.values()) card.close();
  }

  async refresh() {
    try {
      const [found, cameras, known] = await Promise.all([
        get(this.path, { signal: this.gone.signal }), get("/api/cameras", { signal: this.gone.signal }).catch(() => null), this.kinds]);
      if (this.gone.signal.aborted) return;
      this.known = known;
      this.update(found, cameras);
    } catch (problem) {
      if (problem.name === "AbortError") return;
      this.title.textContent = problem.status === 404 ? t("incident.missing") : problem.message;
      if (problem.status === 404) this.clear();
    }
  }

  clear() {
    for (const card of this.cards.values()) card.close();
    for (const part of [this.actions, this.cameras, this.talk, this.journal, this.parties, this.alarms, this.tags, this.where]) part.replaceChildren();
    this.say.hidden = true;
    this.addCameras.hidden = true;
  }

  update(found, cameras) {
    const one = found.incident;
    const isOpen = one.state !== "chiuso";
    const was = this.found?.incident;
    this.found = found;
    if (this.title.textContent !== one.title) this.title.textContent = one.title;
    const kind = this.known.kinds.find((each) => each.code === one.kind);
    const where = [kind ? kindName(kind) : one.kind, one.address, t("incident.opened", { when: full(one.opened), name: one.opened_by.name })].filter(Boolean).join(" · ");
    if (this.where.textContent !== where) this.where.textContent = where;
    fill(this.tags, severity(one.priority), stateChip(one), one.exercise && h("span", { class: "stamp stamp-inline" }, t("alarms.exercise")));
    this.dark.hidden = isOpen;
    if (!isOpen && (!was || was.state !== "chiuso")) {
      fill(this.dark, icon("dark"), h("p", {}, t("incident.dark", { outcome: word("outcome", one.outcome).toLocaleLowerCase() }), one.note && ` ${one.note}`));
      if (was) say(t("incident.dark", { outcome: word("outcome", one.outcome).toLocaleLowerCase() }), { urgent: true });
    }
    this.addCameras.hidden = !isOpen;
    this.say.hidden = !isOpen;
    if (!was || was.version !== one.version || was.state !== one.state) this.drawActions(found, isOpen);
    if (cameras) this.drawCameras(found, cameras, isOpen);
    this.drawAlarms(one);
    this.drawParties(found);
    this.drawTalk(found);
    this.drawJournal(found);
  }

  drawActions({ leads, shares }, isOpen) {
    const button = (key, mark, action, tone = "quiet") => h("button", { type: "button", class: tone, data: { key }, onclick: action }, icon(mark), t(key));
    const at = document.activeElement?.dataset?.key;
    const taken = this.found.incident.state === "preso-in-carico";
    fill(this.actions, isOpen && leads && !taken && button("incident.take", "check", () => this.act("take"), "primary"),
      isOpen && shares && button("incident.share", "share", () => this.share()),
      isOpen && leads && button("incident.hand-over", "send", () => this.handOver()),
      isOpen && leads && button("incident.edit", "act", () => this.edit()),
      isOpen && leads && button("incident.close", "stop", () => this.close()));
    this.actions.hidden = !this.actions.childElementCount;
    if (at) this.actions.querySelector(`[data-key="${at}"]`)?.focus();
  }

  async act(what, body) {
    this.problem.textContent = "";
    try {
      await post(`${this.path}/${what}`, body);
    } catch (error) {
      this.problem.textContent = error.message;
    }
    await this.refresh();
  }

  rooms() {
    return this.known.organisations.map((one) => [one.id, one.name]);
  }

  async share() {
    const inside = new Set([this.found.incident.opened_by, ...this.found.incident.shared_with].map((one) => one.id));
    const options = this.rooms().filter(([id]) => !inside.has(id));
    await ask({ title: t("incident.share"), lead: options.length ? t("incident.share.lead") : t("incident.share.nobody"), submit: options.length ? t("incident.share.submit") : "",
      fields: options.length ? [{ name: "organisation", label: t("incident.room"), options }] : [], run: (values) => post(`${this.path}/shares`, values) });
    await this.refresh();
  }

  async handOver() {
    await ask({ title: t("incident.hand-over"), lead: t("incident.hand-over.lead"), submit: t("incident.hand-over.submit"),
      fields: [{ name: "organisation", label: t("incident.room"), options: this.rooms() }], run: (values) => post(`${this.path}/hand-over`, values) });
    await this.refresh();
  }

  async edit() {
    const one = this.found.incident;
    await ask({ title: t("incident.edit"), submit: t("incident.edit.submit"), fields: [
      { name: "title", label: t("incidents.field.title"), required: true, minlength: 3, maxlength: 120, value: one.title },
      { name: "kind", label: t("incidents.field.kind"), value: one.kind, options: this.known.kinds.map((each) => [each.code, kindName(each)]) },
      { name: "priority", label: t("incidents.field.priority"), value: String(one.priority), options: [5, 4, 3, 2, 1].map((n) => [String(n), t(`severity.${n}`)]) },
      { name: "address", label: t("incidents.field.address"), maxlength: 200, value: one.address },
    ], run: (values) => request(this.path, { method: "PATCH", type: "application/json", body: JSON.stringify({ ...values, priority: Number(values.priority) }) }) });
    await this.refresh();
  }

  async close() {
    await ask({ title: t("incident.close"), lead: t("incident.close.lead"), submit: t("incident.close.submit"), tone: "alarm", fields: [
      { name: "outcome", label: t("incident.outcome"), options: this.known.outcomes.map((code) => [code, word("outcome", code)]) },
      { name: "note", label: t("incident.note"), type: "area", maxlength: 500 },
    ], run: (values) => post(`${this.path}/close`, values) });
    await this.refresh();
  }

  drawCameras({ attached }, cameras, isOpen) {
    const byId = new Map(cameras.map((one) => [one.id, one]));
    const shown = isOpen ? attached.filter((one) => byId.has(one.id)) : [];
    for (const [id, card] of this.cards) if (!shown.some((one) => one.id === id)) { card.close(); this.cards.delete(id); }
    this.noCameras.hidden = shown.length > 0;
    this.noCameras.textContent = t(isOpen ? "incident.cameras.none" : "incident.cameras.dark");
    reconcile(this.cameras, shown, (one) => one.id, (one) => this.build(one, byId.get(one.id)), (_, one) => this.refreshCard(one, byId.get(one.id)));
  }

  build(one, camera) {
    const beside = h("div", { class: "incident-camera" });
    const card = new IncidentCard(camera, this.id, beside);
    this.cards.set(one.id, card);
    this.refreshCard(one, camera);
    return h("li", {}, card.element);
  }

  refreshCard(one, camera) {
    const card = this.cards.get(one.id);
    card.update(camera);
    const words = one.viewers.length ? t("incident.camera.viewers", { names: one.viewers.map((each) => each.name).join(", ") }) : t("incident.camera.nobody");
    if (card.near.dataset.words === words) return;
    card.near.dataset.words = words;
    fill(card.near, h("p", { class: "muted" }, words),
      h("button", { type: "button", class: "link", "aria-label": t("incident.camera.remove.of", { name: one.name }), onclick: () => this.detach(one) }, t("incident.camera.remove")));
  }

  async detach(one) {
    this.problem.textContent = "";
    try {
      await request(`${this.path}/cameras/${encodeURIComponent(one.id)}`, { method: "DELETE" });
    } catch (error) {
      this.problem.textContent = error.message;
    }
    await this.refresh();
    this.addCameras.focus();
  }

  async attach() {
    const one = this.found.incident;
    const inside = new Set(this.found.attached.map((each) => each.id));
    const place = one.latitude === null ? (one.alarms.length ? { alarm: one.alarms[0] } : null) : { lat: one.latitude, lon: one.longitude };
    const [near, all] = await Promise.all([
      place ? get(`/api/cameras/nearest?${query({ ...place, most: MOST_NEAR })}`).catch(() => []) : [], get("/api/cameras").catch(() => [])]);
    const words = new Map(near.map((each) => [each.camera.id, t(`near.${each.look}`, { n: number(each.distance_m) })]));
    const options = [...near.map((each) => each.camera), ...all.filter((each) => !words.has(each.id))].filter((each) => !inside.has(each.id));
    const boxes = options.map((each, at) => {
      const input = h("input", { type: "checkbox", id: `attach-${at}`, name: each.id });
      return { each, input, element: h("li", { class: "check" }, input, h("label", { for: `attach-${at}` }, each.name, h("small", {}, [words.get(each.id), each.site_name].filter(Boolean).join(" · ")))) };
    });
    await ask({ title: t("incident.cameras.add"), lead: t(options.length ? "incident.cameras.lead" : "incident.cameras.no-more"), submit: options.length ? t("incident.cameras.submit") : "",
      body: [h("ul", { class: "attach-list", role: "group", "aria-label": t("incident.cameras") }, boxes.map(({ element }) => element))],
      run: async () => {
        const cameras = boxes.filter(({ input }) => input.checked).map(({ each }) => each.id);
        if (cameras.length) await post(`${this.path}/cameras`, { cameras });
        return { cameras };
      } });
    await this.refresh();
  }

  drawAlarms(one) {
    this.alarmsPart.hidden = one.alarms.length === 0;
    reconcile(this.alarms, one.alarms, (id) => `${id} ${state.alarms?.get(id)?.state ?? ""}`, (id) => {
      const alarm = state.alarms?.get(id);
      return h("li", {}, h("a", { href: `#/allarmi/${id}` }, icon("bell"), alarm ? t("alarm.title", { rule: word("rule", alarm.rule), name: alarm.camera_name }) : t("incident.alarm")),
        alarm && h("span", { class: "muted" }, `${clock(alarm.raised)} · ${t(`alarm-state.${alarm.state}`)}`));
    }, () => {});
  }

  drawParties({ incident: one, waiting, shares }) {
    const all = [one.responsible, one.opened_by, ...one.shared_with].filter((each, at, list) => list.findIndex((other) => other.id === each.id) === at);
    reconcile(this.parties, all, (each) => `${each.id} ${one.responsible.id} ${waiting[each.id] ?? 0} ${shares} ${one.state}`, (each) => {
      const notes = [each.id === one.responsible.id && t("incident.party.leads"), each.id === one.opened_by.id && t("incident.party.opened"), waiting[each.id] && t("incident.party.waiting")].filter(Boolean);
      const end = shares && one.shared_with.some((other) => other.id === each.id) && each.id !== state.user.organisation;
      return h("li", {}, icon(waiting[each.id] ? "wait" : "check"), h("div", {}, h("strong", {}, each.name), notes.length > 0 && h("small", {}, notes.join(" · "))),
        end && h("button", { type: "button", class: "link", "aria-label": t("incident.unshare.of", { name: each.name }), onclick: () => this.unshare(each) }, t("incident.unshare")));
    }, () => {});
  }

  async unshare(each) {
    await ask({ title: t("incident.unshare.of", { name: each.name }), lead: t("incident.unshare.lead"), submit: t("incident.unshare"),
      run: () => request(`${this.path}/shares/${encodeURIComponent(each.id)}`, { method: "DELETE" }).then(() => ({ done: true })) });
    await this.refresh();
  }

  drawTalk({ messages, incident: one }) {
    const before = this.talk.childElementCount;
    this.noTalk.hidden = messages.length > 0;
    reconcile(this.talk, messages, (each) => each.id, (each) => this.bubble(each), (element, each) => receipts(element, each));
    if (messages.length > before) this.talk.scrollTop = this.talk.scrollHeight;
    const last = messages.at(-1);
    if (one.unread && !document.hidden && last) {
      const fresh = messages.filter((each) => !each.own).at(-1);
      if (before && fresh) say(t("incident.messages.new", { name: fresh.by.name, text: fresh.text }));
      post(`${this.path}/receipts`, { upto: last.id }).catch(() => {});
    }
  }

  bubble(each) {
    const element = h("li", { class: each.own ? "talk-own" : "talk-other" },
      h("p", { class: "talk-head" }, h("strong", {}, each.person ? `${each.by.name}, ${each.person}` : each.by.name), h("time", { datetime: each.at, title: full(each.at) }, clock(each.at).slice(0, 5))),
      h("p", { class: "talk-text" }, each.text), h("p", { class: "talk-receipts" }));
    receipts(element, each);
    return element;
  }

  count() {
    const left = MOST_TEXT - this.text.value.length;
    this.left.textContent = left <= 200 ? t("incident.messages.left", { n: left }) : "";
  }

  async speak() {
    const text = this.text.value.trim();
    if (!text) return this.text.focus();
    this.send.disabled = true;
    this.problem.textContent = "";
    this.key ??= crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
    try {
      await post(`${this.path}/messages`, { text }, { "Idempotency-Key": this.key });
      this.text.value = "";
      this.key = null;
      this.count();
    } catch (error) {
      if (error.status) this.key = null;
      this.problem.textContent = error.message;
    }
    this.send.disabled = false;
    this.text.focus();
    await this.refresh();
  }

  drawJournal({ journal }) {
    const shown = journal.filter((each) => each.what !== "message").reverse();
    reconcile(this.journal, shown, (each) => `${each.number} ${each.void}`, (each) => h("li", { class: each.void ? "void" : null },
      h("span", { class: "journal-number" }, String(each.number)),
      h("div", {}, h("p", {}, t(`change.${each.what}`, { subject: each.what === "closed" ? word("outcome", each.subject).toLocaleLowerCase() : each.subject }), each.void && h("em", {}, ` ${t("change.void")}`)),
        h("p", { class: "muted" }, `${day(each.at)} ${clock(each.at)} · ${[each.by.name, each.person].filter(Boolean).join(", ")}`))), () => {});
  }
}

/** Draws what became of a message: where it arrived, and where it was read. */
function receipts(element, each) {
  const line = element.querySelector(".talk-receipts");
  const parts = each.own ? each.receipts.map((one) => (one.read ? t("incident.read", { name: one.organisation.name, time: clock(one.read).slice(0, 5) }) : one.delivered ? t("incident.delivered", { name: one.organisation.name }) : t("incident.sent", { name: one.organisation.name }))) : [];
  const words = parts.join(" · ");
  if (line.textContent !== words) line.textContent = words;
}
