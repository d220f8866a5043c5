// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// Reports of vigilance institutes: a phone form for who sends, a list for the room that gets them.

import { get, post, request } from "../api.js";
import { ask } from "../dialog.js";
import { fill, h, icon, reconcile, say } from "../dom.js";
import { ago, clock, day, full, language, number, t, word } from "../i18n.js";
import { openDialog } from "./incidents.js";
import { Kept, newKey } from "../kept.js";
import { state, watch } from "../state.js";

const POLL_MS = 10_000;
const CLASSES = ["reato", "sicurezza-stradale", "sicurezza-urbana", "disagio", "degrado"];

/** Shows the page. */
export function reports(container) {
  const view = new ReportsView(container);
  view.enter();
  return { title: t("reports.title"), leave: () => view.leave() };
}

const nameOf = (kinds, code) => {
  const kind = kinds.find((one) => one.code === code);
  return kind ? kind[language() === "it" ? "it" : "en"] : code;
};

class ReportsView {
  constructor(container) {
    this.container = container;
    this.gone = new AbortController();
    this.form = h("div", {});
    this.tools = h("div", { class: "head-buttons" });
    this.foot = h("div", { class: "report-foot" });
    this.note = h("p", { class: "notice" }, t("app.loading"));
    this.open = h("ul", { class: "alarms reports", "aria-label": t("reports.open") });
    this.done = h("ul", { class: "alarms alarms-done reports", "aria-label": t("reports.done") });
    this.openTitle = h("h2", {}, t("reports.open"));
    this.doneTitle = h("h2", { hidden: true }, t("reports.done"));
    container.append(h("div", { class: "page-head" }, h("h1", { tabindex: "-1" }, t("reports.title")), this.tools),
      this.form, this.openTitle, this.note, this.open, this.doneTitle, this.done, this.foot);
  }

  enter() {
    this.stopWatching = watch((what) => { if (what === "report") this.refresh(); });
    this.timer = setInterval(() => { if (!document.hidden) this.refresh(); }, POLL_MS);
    this.ticking = setInterval(() => { for (const one of this.open.querySelectorAll("[data-since]")) one.textContent = t("cameras.since", { span: ago(one.dataset.since) }); }, 1000);
    this.refresh();
  }

  leave() {
    this.gone.abort();
    clearInterval(this.timer);
    clearInterval(this.ticking);
    this.stopWatching();
    this.phone?.leave();
  }

  async refresh() {
    try {
      this.found = await get("/api/reports", { signal: this.gone.signal });
    } catch (problem) {
      if (problem.name === "AbortError") return;
      this.note.hidden = false;
      this.note.textContent = problem.message;
      if (!this.found) this.offline();
      return;
    }
    this.draw();
  }

  /** The list did not come: who reports needs no list. */
  offline() {
    if (state.user?.role === "vigilanza.operator" && Kept.kinds()) this.beginForm(Kept.kinds());
  }

  beginForm(kinds) {
    if (this.phone) return;
    this.phone = new PhoneForm(this.form, kinds, () => this.refresh());
    this.openTitle.textContent = t("reports.mine");
  }

  draw() {
    const { found } = this;
    if (found.institute) {
      if (found.may_send) { Kept.keepKinds(found.kinds); this.beginForm(found.kinds); }
      else if (!this.phone) fill(this.form, h("p", { class: "banner banner-bad", role: "alert" }, icon("fault"), h("span", {}, found.bar_text)));
      else this.phone.barred(found.bar_text);
    }
    if (!this.container.querySelector("[data-export]")) fill(found.institute ? this.foot : this.tools, h("button", { type: "button", class: "quiet", data: { export: "" }, onclick: () => exportRegister() }, icon("down"), t("reports.export")));
    const open = found.reports.filter((one) => one.state !== "chiusa");
    const done = found.reports.filter((one) => one.state === "chiusa");
    const note = open.length ? "" : t(found.institute ? "reports.none.mine" : "reports.none");
    this.note.hidden = !note;
    if (this.note.textContent !== note) this.note.textContent = note;
    this.doneTitle.hidden = done.length === 0;
    for (const [list, items] of [[this.open, open], [this.done, done]]) reconcile(list, items, (one) => `${one.id} ${one.version}`, (one) => this.row(one), () => {});
  }

  row(one) {
    const { found } = this;
    const out = one.direction === "OUT";
    const about = out && found.reports.find((each) => each.id === one.answers);
    const problem = h("p", { class: "field-problem", role: "alert" });
    const name = nameOf(found.kinds, one.kind);
    return h("li", { class: "alarm-row report-row", data: { state: one.state === "chiusa" ? "chiuso" : one.may_ack ? "aperto" : "cessato", level: one.urgent ? 5 : 3, number: one.number } },
      h("div", { class: "alarm-when" }, h("time", { datetime: one.sent, title: full(one.sent) }, clock(one.sent).slice(0, 5)), h("span", { class: "muted" }, day(one.sent))),
      h("div", { class: "alarm-what" },
        h("p", { class: "alarm-name" }, h("span", { class: "report-number" }, one.number), " ", out ? t(one.own ? "reports.answer.sent" : "reports.answer.got") : name),
        h("p", { class: "muted" }, (out ? [about && t("reports.about", { number: about.number }), one.own ? t("reports.to", { name: one.institute.name }) : null]
          : [word("report-class", one.of), one.own ? t("reports.to", { name: one.recipients.map((each) => each.name).join(", ") }) : one.institute.name, one.contact && t("reports.contact", { contact: one.contact })]).filter(Boolean).join(" · ")),
        (one.place || one.latitude !== null) && h("p", { class: "report-place" }, icon("pin"), h("span", {}, [one.place, position(one)].filter(Boolean).join(" · "))),
        one.text && h("p", { class: "report-text" }, one.text),
        one.forgotten && h("p", { class: "muted" }, t("reports.forgotten")),
        one.seen && Math.abs(new Date(one.sent) - new Date(one.seen)) > 90_000 && h("p", { class: "muted" }, t("reports.seen", { time: full(one.seen) })),
        problem),
      h("div", { class: "alarm-tags" }, stateChip(one),
        one.urgent && h("span", { class: "chip chip-bad" }, icon("fault"), t("reports.urgent.chip")),
        one.economic && h("span", { class: "chip" }, icon("act"), t("reports.economic.chip")),
        one.exercise && h("span", { class: "stamp stamp-inline" }, t("alarms.exercise"))),
      h("div", { class: "alarm-do report-do" }, this.buttons(one, out, problem)));
  }

  buttons(one, out, problem) {
    const run = (work) => async (event) => {
      event.currentTarget.disabled = true;
      fill(problem);
      try { await work(); await this.refresh(); } catch (error) {
        problem.textContent = error.message;
        if (error.code === "report-taken") await this.refresh(); // the row says then who has it
      }
      if (event.target.isConnected) event.target.disabled = false;
    };
    const label = (key) => `${t(key)}: ${one.number}`;
    const acknowledge = one.may_ack && h("button", { type: "button", class: out ? "primary" : "alarm", "aria-label": label(out ? "reports.read" : "reports.take"), onclick: run(() => post(`/api/reports/${one.id}/ack`)) }, icon("check"), t(out ? "reports.read" : "reports.take"));
    if (!one.may_answer || one.state === "chiusa") return [acknowledge];
    return [acknowledge,
      h("button", { type: "button", class: one.may_ack ? "quiet" : "primary", "aria-label": label("reports.answer"), onclick: () => this.answer(one) }, icon("message"), t("reports.answer")),
      state.user.views.includes("incidents") && h("button", { type: "button", class: "quiet", "aria-label": label("reports.incident"), onclick: run(() => this.incident(one)) }, icon("incident"), t("reports.incident")),
      one.may_close && this.found.rooms.length > 1 && h("button", { type: "button", class: "quiet", "aria-label": label("reports.pass"), onclick: () => this.passOn(one) }, icon("share"), t("reports.pass")),
      one.may_close && h("button", { type: "button", class: "quiet", "aria-label": label("reports.close"), onclick: () => this.close(one) }, icon("check"), t("reports.close"))];
  }

  outcomes(first) {
    return [...(first ? [["", first]] : []), ...this.found.outcomes.map((one) => [one, word("report-outcome", one)])];
  }

  async answer(one) {
    const key = newKey();
    const made = await ask({
      title: t("reports.answer.title", { number: one.number }), lead: t("reports.answer.lead", { name: one.institute.name }), submit: t("reports.answer.go"),
      fields: [{ name: "text", label: t("reports.answer.text"), type: "area", required: true, minlength: 2, maxlength: 1000 },
        ...(one.may_close ? [{ name: "outcome", label: t("reports.answer.outcome"), options: this.outcomes(t("reports.answer.open")) }] : [])],
      run: ({ text, outcome }) => post(`/api/reports/${one.id}/answers`, { text, outcome: outcome || null }, { "Idempotency-Key": key }),
    });
    if (made) say(t("reports.answered", { number: made.number }));
    this.refresh();
  }

  async close(one) {
    await ask({ title: t("reports.close.title", { number: one.number }), submit: t("reports.close.go"),
      fields: [{ name: "outcome", label: t("reports.answer.outcome"), options: this.outcomes() }],
      run: ({ outcome }) => post(`/api/reports/${one.id}/close`, { outcome }) });
    this.refresh();
  }

  async passOn(one) {
    const others = this.found.rooms.filter((each) => !one.recipients.some((held) => held.id === each.id));
    await ask({ title: t("reports.pass.title", { number: one.number }), lead: t("reports.pass.lead"), submit: t("reports.pass.go"),
      fields: [{ name: "recipient", label: t("reports.pass.to"), options: others.map((each) => [each.id, each.name]) }],
      run: ({ recipient }) => post(`/api/reports/${one.id}/route`, { recipient }) });
    this.refresh();
  }

  async incident(one) {
    const known = await get("/api/incidents?state=open");
    const made = await openDialog(known, { title: `${nameOf(this.found.kinds, one.kind)} (${one.number})`, priority: one.urgent ? 5 : 3, address: one.place, place: one.latitude === null ? null : [one.latitude, one.longitude] });
    if (made) location.hash = `#/interventi/${made.id}`;
  }
}

const position = (one) => (one.latitude === null ? "" : `${number(one.latitude, 5)} ${number(one.longitude, 5)}${one.accuracy_m ? ` (±${number(one.accuracy_m)} m)` : ""}`);
const call112 = () => h("a", { class: "button alarm", href: "tel:112" }, t("reports.call"));

function stateChip(one) {
  if (one.state === "chiusa") return h("span", { class: "chip chip-calm" }, icon("check"), word("report-outcome", one.outcome));
  if (one.state === "presa-in-carico") return h("span", { class: "chip chip-ok" }, icon("check"), h("span", {}, t(one.direction === "OUT" ? "report-state.read" : "report-state.taken", { name: one.taken_by?.name ?? "", time: clock(one.taken).slice(0, 5) })));
  const since = h("span", { class: "chip-since", data: { since: one.sent } }, t("cameras.since", { span: ago(one.sent) }));
  return h("span", { class: `chip chip-${one.may_ack ? "bad" : "warn"}` }, icon(one.may_ack ? "bell" : "wait"), h("span", {}, t(one.direction === "OUT" ? "report-state.unread" : "report-state.waiting")), since);
}

/** Asks for a reason and saves the register. */
function exportRegister() {
  return ask({
    title: t("reports.export.title"), lead: t("reports.export.lead"), submit: t("reports.export.go"),
    fields: [{ name: "reason", label: t("reports.export.reason"), required: true, minlength: 3, maxlength: 200 },
      { name: "from", label: t("reports.export.from"), type: "date" }, { name: "to", label: t("reports.export.to"), type: "date" },
      { name: "form", label: t("reports.export.form"), options: [["csv", "CSV"], ["json", "JSON"]] }],
    run: async (values) => {
      const response = await request("/api/reports/register", { method: "POST", type: "application/json", body: JSON.stringify(values) });
      const link = h("a", { href: URL.createObjectURL(await response.blob()), download: `segnalazioni.${values.form}` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    },
  });
}

/** The form of an institute's patrol: three taps and it is gone; without a network it waits here. */
class PhoneForm {
  constructor(place, kinds, after) {
    this.after = after;
    this.at = null;
    this.kept = new Kept(state.user.id, (sent) => this.sent(sent), () => this.drawKept());
    this.outcome = h("div", { class: "report-outcome", role: "status" });
    this.waiting = h("div", { class: "report-kept", role: "status" });
    this.bar = h("p", { class: "banner banner-bad", role: "alert", hidden: true });
    this.where = h("p", { class: "report-where", id: "report-where" });
    this.problem = h("p", { class: "field-problem", id: "report-problem", role: "alert" });
    this.place = h("input", { id: "report-place", type: "text", maxlength: "200", autocomplete: "street-address", "aria-describedby": "report-problem" });
    this.text = h("textarea", { id: "report-text", rows: "2", maxlength: "500" });
    this.urgent = h("input", { id: "report-urgent", type: "checkbox", onchange: () => { this.call.hidden = !this.urgent.checked; } });
    this.economic = h("input", { id: "report-economic", type: "checkbox" });
    this.call = h("p", { class: "report-112", hidden: true }, icon("fault"), h("span", {}, t("reports.112")), call112());
    this.go = h("button", { type: "submit", class: "primary large report-go" }, icon("send"), t("reports.send"));
    this.form = h("form", { class: "panel report-form", novalidate: true, "aria-labelledby": "report-head", onsubmit: (event) => { event.preventDefault(); this.send(); } },
      h("h2", { id: "report-head" }, t("reports.new")), this.tiles(kinds),
      h("div", { class: "report-rest" },
        h("div", { class: "field" }, h("label", { for: "report-place" }, t("reports.place")), this.place, this.where,
          h("button", { type: "button", class: "quiet", onclick: () => this.locate() }, icon("pin"), t("reports.locate"))),
        h("div", { class: "field" }, h("label", { for: "report-text" }, t("reports.text")), this.text),
        h("div", { class: "check" }, this.urgent, h("label", { for: "report-urgent" }, t("reports.urgent"))), this.call,
        h("div", { class: "check" }, this.economic, h("label", { for: "report-economic" }, t("reports.economic"))),
        this.problem, h("div", { class: "report-bar" }, this.go), h("p", { class: "muted" }, t("reports.no-pictures"))));
    fill(place, this.bar, this.outcome, this.waiting, this.form);
    this.kept.begin();
    this.drawKept();
  }

  tiles(kinds) {
    const tile = (one) => h("label", { class: "report-tile" },
      h("input", { type: "radio", name: "kind", value: one.code, onchange: () => { fill(this.problem); if (!this.at && !this.asked) this.locate(); } }), h("span", {}, one[language() === "it" ? "it" : "en"]));
    return h("fieldset", { class: "report-kinds" }, h("legend", {}, t("reports.what")),
      CLASSES.map((of) => h("div", { class: "report-class", role: "group", "aria-label": word("report-class", of), data: { of } },
        h("p", { "aria-hidden": "true" }, word("report-class", of)), h("div", { class: "report-tiles" }, kinds.filter((one) => one.of === of).map(tile)))));
  }

  leave() { this.kept.end(); }

  barred(words) {
    this.bar.hidden = false;
    fill(this.bar, icon("fault"), h("span", {}, words));
    this.form.hidden = true;
  }

  locate() {
    this.asked = true;
    if (!navigator.geolocation) { this.where.textContent = t("reports.where.none"); return; }
    fill(this.where, icon("wait"), t("reports.where.wait"));
    navigator.geolocation.getCurrentPosition(({ coords }) => {
      this.at = { latitude: coords.latitude, longitude: coords.longitude, accuracy_m: Math.min(1_000_000, Math.max(0, Math.round(coords.accuracy ?? 0))) };
      fill(this.where, icon("check"), t("reports.where.known", { at: position(this.at) }));
      fill(this.problem);
    }, () => { fill(this.where, icon("fault"), t("reports.where.refused")); }, { enableHighAccuracy: true, timeout: 8_000, maximumAge: 30_000 });
  }

  send() {
    const kind = this.form.querySelector("[name=kind]:checked");
    const place = this.place.value.trim();
    if (!kind) return this.wrong(t("reports.missing.kind"), this.form.querySelector("[name=kind]"));
    if (!this.at && !place) return this.wrong(t("reports.missing.place"), this.place);
    fill(this.problem);
    fill(this.outcome, h("p", { class: "notice" }, t("reports.sending")));
    this.kept.add({ kind: kind.value, text: this.text.value.trim(), place, ...(this.at ?? {}), urgent: this.urgent.checked, economic: this.economic.checked, seen: new Date().toISOString() });
    this.form.reset();
    this.call.hidden = true;
    this.at = null;
    this.asked = false;
    fill(this.where);
    this.outcome.scrollIntoView({ block: "nearest" });
    return null;
  }

  wrong(words, input) {
    this.problem.textContent = words;
    input.focus();
    return null;
  }

  sent(made) {
    const rooms = made.recipients.map((one) => one.name).join(", ");
    fill(this.outcome, h("div", { class: "report-sent", tabindex: "-1" }, icon("check"),
      h("div", {}, h("p", {}, t("reports.sent")), h("p", { class: "report-receipt" }, made.number), h("p", { class: "muted" }, t("reports.sent.to", { time: clock(made.sent), name: rooms }))),
      made.instruction && h("p", { class: "report-112" }, icon("fault"), h("span", {}, made.instruction), call112())));
    this.outcome.firstChild.focus();
    window.scrollTo(0, 0);
    this.after();
  }

  drawKept() {
    const { waiting, failed } = this.kept;
    if (waiting.length && !this.kept.sending && this.outcome.querySelector(".notice")) fill(this.outcome);
    fill(this.waiting,
      waiting.length > 0 && this.kept.tried && h("p", { class: "report-wait" }, icon("wait"), h("span", {}, t(waiting.length === 1 ? "reports.kept.one" : "reports.kept", { n: waiting.length }))),
      failed.map((one) => h("div", { class: "refusal" }, icon("fault"), h("p", {}, t("reports.failed", { time: clock(one.body.seen), why: one.problem })),
        h("button", { type: "button", class: "quiet", onclick: () => this.kept.drop(one.key) }, t("reports.failed.drop")))));
    if (failed.length && this.outcome.querySelector(".notice")) fill(this.outcome);
  }
}
