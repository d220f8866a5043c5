// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// Plates that hit a list: one is opened with one click, which the log keeps, compared, then confirmed or discarded.

import { get, post, query } from "../api.js";
import { ask } from "../dialog.js";
import { fill, h, icon, reconcile, say } from "../dom.js";
import { clock, day, full, number, t, word } from "../i18n.js";
import { keyName, onKey } from "../keys.js";
import { severity, shape } from "../severity.js";
import { watch } from "../state.js";

const SETTLE_MS = 150;
/** A sign that the reader was less sure of than this is marked. */
const SURE = 0.9;
const COUNTS_MS = 60_000;

/** Shows the page. */
export function plates(container) {
  const page = new Page(container);
  page.enter();
  return { title: t("plates.title"), leave: () => page.leave() };
}

class Page {
  constructor(container) {
    this.cards = new Map();
    this.notice = h("p", { class: "notice" }, t("app.loading"));
    this.list = h("ul", { class: "hits", "aria-label": t("plates.list") });
    this.counts = h("section", { class: "panel hit-counts", hidden: true });
    container.append(
      h("div", { class: "page-head" }, h("div", {}, h("h1", { tabindex: "-1" }, t("plates.title")), h("p", { class: "muted" }, t("plates.lead")))),
      this.notice, this.list, this.counts);
  }

  enter() {
    this.stops = [
      watch((what) => { if (what === "alarms" || what === "line") this.soon(); }),
      onKey("c", () => this.decide("confermato")), onKey("n", () => this.decide("falso")),
    ];
    this.counting = setInterval(() => this.count(), COUNTS_MS);
    this.read();
    this.count();
  }

  leave() {
    for (const stop of this.stops) stop();
    clearTimeout(this.timer);
    clearInterval(this.counting);
    for (const card of this.cards.values()) card.close();
    this.gone = true;
  }

  /** Several changes at once are one question. */
  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.read(), SETTLE_MS);
  }

  async read() {
    try {
      this.draw(await get("/api/plates/hits"));
    } catch (problem) {
      this.notice.hidden = false;
      this.notice.textContent = problem.message;
    }
  }

  draw(hits) {
    if (this.gone) return;
    this.notice.hidden = hits.length > 0;
    this.notice.textContent = t("plates.none");
    reconcile(this.list, hits, (one) => one.id, (one) => this.build(one), (_, one) => this.cards.get(one.id).update(one));
    for (const [id, card] of this.cards) {
      if (hits.some((one) => one.id === id)) continue;
      card.close();
      this.cards.delete(id);
    }
  }

  build(hit) {
    const card = new Card(hit, this);
    this.cards.set(hit.id, card);
    return card.element;
  }

  /** Only one plate is open at a time: what is not looked at is not shown. */
  opened(card) {
    for (const other of this.cards.values()) if (other !== card) other.close();
    this.open = card;
  }

  decide(verdict) {
    if (!this.open?.shown || !this.open.hit.may_decide) return false;
    this.open.decide(verdict);
    return true;
  }

  async count() {
    const told = await get("/api/plates/counts").catch(() => null);
    if (!told || this.gone) return;
    this.counts.hidden = told.hours.length === 0;
    if (told.hours.length) drawCounts(this.counts, told);
  }
}

/** One hit; its words are the same for everybody, its plate only for who opened it. */
class Card {
  constructor(hit, page) {
    this.page = page;
    this.shown = null;
    this.urls = [];
    this.head = h("div", { class: "hit-head" });
    this.chips = h("div", { class: "alarm-tags" });
    this.problem = h("p", { class: "field-problem", role: "alert" });
    this.button = h("button", { type: "button", class: "primary hit-open", onclick: () => this.toggle() });
    this.body = h("div", { class: "hit-body", hidden: true });
    this.element = h("li", { class: "panel hit" }, this.head, this.chips, h("div", { class: "hit-do" }, this.button), this.problem, this.body);
    this.update(hit);
  }

  update(hit) {
    const drawn = JSON.stringify([hit, Boolean(this.shown)]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.hit = hit;
    this.element.dataset.state = hit.state;
    const id = `hit-${hit.id}`;
    this.element.setAttribute("aria-labelledby", id);
    const where = [hit.gate_name, hit.lane && t("plates.lane", { lane: hit.lane })].filter(Boolean).join(", ");
    fill(this.head, shape(hit.severity),
      h("div", { class: "hit-what" }, h("h2", { id }, word("plates.list", hit.list || "none")), h("p", { class: "muted" }, [where, word("plates.passing", hit.passing || "none"), hit.site_name].filter(Boolean).join(" · "))),
      h("div", { class: "hit-when" }, h("time", { datetime: hit.crossed, title: full(hit.crossed) }, clock(hit.crossed)), h("span", { class: "muted" }, day(hit.crossed))));
    fill(this.chips, severity(hit.severity), stateChip(hit), hit.exercise && h("span", { class: "stamp stamp-inline" }, t("alarms.exercise")),
      h("span", { class: "chip" }, h("span", {}, t("plates.confidence", { n: number(100 * hit.confidence) }))),
      !hit.exact && h("span", { class: "chip chip-warn" }, icon("question"), h("span", {}, t("plates.not-exact"))),
      hit.told && h("span", { class: "chip" }, icon("send"), h("span", {}, t("plates.told"))));
    this.drawButton();
    this.drawActions();
  }

  drawButton() {
    fill(this.button, icon(this.shown ? "dark" : "eye"), h("span", {}, t(this.shown ? "plates.close" : "plates.open")));
    this.button.className = this.shown ? "quiet hit-open" : "primary hit-open";
    this.button.setAttribute("aria-expanded", String(Boolean(this.shown)));
    this.button.setAttribute("aria-label", `${this.button.textContent}: ${this.head.querySelector("h2").textContent}, ${clock(this.hit.crossed)}`);
  }

  async toggle() {
    if (this.shown) {
      this.close();
      return;
    }
    this.problem.textContent = "";
    const why = this.hit.open ? { purpose: "allarme", case: this.hit.id } : await this.askWhy();
    if (!why) return;
    try {
      this.shown = await get(`/api/plates/hits/${this.hit.id}?${query(why)}`);
    } catch (problem) {
      this.problem.textContent = problem.message;
      return;
    }
    this.page.opened(this);
    this.drawBody();
    this.drawButton();
  }

  /** Its alarm is closed: an incident is the reason then, and has a number. */
  askWhy() {
    return ask({ title: t("plates.why"), lead: t("plates.why.lead"), submit: t("plates.open"),
      fields: [{ name: "case", label: t("plates.why.case"), required: true, maxlength: 100 }],
      run: (values) => ({ purpose: "intervento", case: values.case }) });
  }

  close() {
    for (const url of this.urls) URL.revokeObjectURL(url);
    this.urls = [];
    this.shown = null;
    if (this.page.open === this) this.page.open = null;
    fill(this.body);
    this.body.hidden = true;
    this.drawButton();
  }

  picture(base64, words, name) {
    if (!base64) return h("p", { class: "muted" }, t("plates.no-picture"));
    const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
    const url = URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" }));
    this.urls.push(url);
    return h("img", { class: name, src: url, alt: words });
  }

  drawBody() {
    const { text, listed, signs, alternatives, reason, crop, context } = this.shown;
    this.actions = h("div", { class: "actions hit-actions" });
    this.facts = h("dl", { class: "hit-facts", tabindex: "-1" },
      fact(t("plates.read"), plateText(text, signs)),
      listed && fact(t("plates.listed"), plateText(listed, [...listed].map((sign, at) => (sign === text[at] ? 1 : 0)), "plates.differs")),
      fact(t("plates.second"), alternatives.length ? h("ul", { class: "hit-others" }, alternatives.map((one) => h("li", {}, h("span", { class: "plate-text plate-small" }, one.text), ` ${number(100 * one.probability)} %`))) : t("plates.second.none")),
      this.hit.country && fact(t("plates.country"), this.hit.country),
      reason && fact(t("plates.reason"), reason),
      this.hit.entry && fact(t("plates.entry"), h("code", {}, this.hit.entry)));
    fill(this.body,
      h("div", { class: "hit-pictures" }, this.picture(crop, t("plates.crop"), "hit-crop"), context && this.picture(context, t("plates.context"), "hit-context")),
      this.facts, this.actions);
    this.body.hidden = false;
    this.drawActions();
    this.facts.focus(); // on neither answer: whoever only presses Enter has decided nothing
  }

  drawActions() {
    if (!this.shown || !this.actions) return;
    if (!this.hit.may_decide) {
      fill(this.actions, h("p", { class: "muted" }, t("plates.decided.here")));
      return;
    }
    if (this.actions.querySelector("button")) return;
    fill(this.actions, h("p", { class: "muted" }, t(this.hit.state === "da-verificare" ? "plates.ask.unsure" : "plates.ask")),
      action("plates.confirm", "primary", "check", "C", () => this.decide("confermato")), action("plates.discard", "quiet", "cross", "N", () => this.decide("falso")));
  }

  /** Asks once more: what is confirmed goes out, what is discarded is gone. */
  async decide(verdict) {
    const yes = verdict === "confermato";
    const lead = !yes ? "plates.discard.lead" : this.hit.state === "da-verificare" ? "plates.confirm.lead.unsure" : "plates.confirm.lead";
    const done = await ask({ title: t(yes ? "plates.confirm.title" : "plates.discard.title"), lead: t(lead), submit: t(yes ? "plates.confirm" : "plates.discard"),
      body: [h("p", {}, plateText(this.shown.text))],
      run: async () => { await post(`/api/plates/hits/${this.hit.id}/decision`, { verdict }); return true; } });
    if (!done) return;
    say(t(yes ? "plates.confirmed" : "plates.discarded"));
    const list = this.page.list;
    this.close();
    await this.page.read();
    (list.querySelector(".hit-open") ?? document.querySelector("h1")).focus();
  }
}

const fact = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));

function action(label, tone, mark, key, run) {
  const shown = keyName(key);
  return h("button", { type: "button", class: tone, onclick: run }, icon(mark), h("span", {}, t(label)), shown && h("kbd", { "aria-hidden": "true" }, shown));
}

/** The text of a plate; a sign that the reader doubted, or that differs, is underlined, and said to be so. */
function plateText(text, signs = [], said = "plates.doubtful") {
  const doubtful = [...text].filter((_, at) => signs[at] < SURE);
  return h("span", { class: "plate-text" }, [...text].map((sign, at) => (signs[at] < SURE ? h("mark", {}, sign) : sign)),
    doubtful.length > 0 && h("span", { class: "unseen" }, ` ${t(said, { signs: doubtful.join(", ") })}`));
}

function stateChip(hit) {
  if (hit.state === "confermato") {
    const words = hit.decided_by ? t("plates.state.confirmed.by", { who: hit.decided_by, time: clock(hit.decided) }) : t("plates.state.confirmed");
    return h("span", { class: "chip chip-ok", title: hit.decided && full(hit.decided) }, icon("check"), h("span", {}, words));
  }
  const unsure = hit.state === "da-verificare";
  return h("span", { class: `chip ${unsure ? "chip-bad" : "chip-warn"}` }, icon(unsure ? "question" : "wait"), h("span", {}, t(unsure ? "plates.state.unsure" : "plates.state.waiting")));
}

/** Vehicles by gate and hour; what is small is not told, and says so. */
function drawCounts(place, { k, hours }) {
  place.setAttribute("aria-labelledby", "counts-head");
  const small = () => h("span", { class: "muted", title: t("plates.counts.withheld", { k }) }, t("plates.counts.small", { k }));
  const cell = (value) => h("td", { class: "number" }, value === null ? small() : number(value));
  fill(place, h("h2", { id: "counts-head" }, t("plates.counts")), h("p", { class: "muted" }, t("plates.counts.lead", { k })),
    h("div", { class: "hit-table", tabindex: "0", role: "region", "aria-labelledby": "counts-head" }, h("table", {},
      h("thead", {}, h("tr", {}, ["plates.counts.gate", "plates.counts.hour", "plates.counts.in", "plates.counts.out", "plates.counts.total"].map((key) => h("th", { scope: "col" }, t(key))))),
      h("tbody", {}, hours.map((one) => h("tr", {}, h("th", { scope: "row" }, one.gate_name), h("td", {}, `${day(one.begin)} ${clock(one.begin).slice(0, 5)}`), cell(one.inward), cell(one.outward), cell(one.total)))))));
}
