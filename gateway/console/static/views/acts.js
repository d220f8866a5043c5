// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// The acts on which sharing rests: how long they hold, what they open, and what waits for approval.

import { get, post } from "../api.js";
import { ask, documentField } from "../dialog.js";
import { fill, h, icon, s, say } from "../dom.js";
import { date, full, language, number, t, word } from "../i18n.js";
import { state } from "../state.js";

const POLL_MS = 15_000;
const MAY_EXTEND = new Set(["ps.supervisor", "dpo", "owner.private"]);
const TONES = { "in-vigore": "ok", prorogato: "ok", "in-scadenza": "warn", scaduto: "bad", futuro: "calm" };
const MARKS = { "in-vigore": "check", prorogato: "check", "in-scadenza": "wait", scaduto: "cross", futuro: "idle" };
/** Days before the end from which the bar warns, and warns louder. */
const WARNS = [[7, "bad"], [30, "warn"], [90, "note"]];
const FULL_DAYS = 365;

/** Shows the page. */
export function acts(container) {
  const view = new ActsView(container);
  view.refresh();
  const timer = setInterval(() => { if (!document.hidden && !document.querySelector("dialog")) view.refresh(); }, POLL_MS);
  return { title: t("acts.title"), leave() { clearInterval(timer); } };
}

class ActsView {
  constructor(container) {
    this.names = { cameras: {}, recipients: {} };
    this.only = "";
    this.notice = h("p", { class: "notice" }, t("app.loading"));
    this.warnings = h("div", { class: "stack", hidden: true });
    this.held = h("section", { class: "held", hidden: true, "aria-labelledby": "held-title" }, h("h2", { id: "held-title" }, t("held.title")));
    this.cards = h("div", { class: "acts" });
    this.table = h("section", { class: "resolutions", hidden: true, "aria-labelledby": "resolutions-title" }, h("h2", { id: "resolutions-title" }, t("resolutions.title")));
    container.append(
      h("div", { class: "page-head" }, h("div", {}, h("h1", { tabindex: "-1" }, t("acts.title")), h("p", { class: "muted" }, t("acts.lead")))),
      this.notice, this.warnings, this.held, this.cards, this.table);
  }

  async refresh() {
    try {
      const [found, held] = await Promise.all([get("/api/acts"), get("/api/held").catch(() => ({ held: [] }))]);
      await this.learnNames(found);
      const news = JSON.stringify([found, held, language()]);
      if (news === this.shown) return;
      this.shown = news;
      this.draw(found, held.held);
    } catch (problem) {
      this.notice.hidden = false;
      this.notice.textContent = problem.message;
    }
  }

  async learnNames(found) {
    if (!this.asked) {
      this.asked = true;
      for (const camera of await get("/api/cameras").catch(() => [])) this.names.cameras[camera.id] = camera.name;
    }
    Object.assign(this.names.cameras, found.camera_names);
    Object.assign(this.names.recipients, found.recipient_names);
  }

  draw({ acts: list, warnings, resolutions }, held) {
    this.notice.hidden = list.length > 0;
    this.notice.textContent = t("acts.none");
    this.drawWarnings(list, warnings);
    this.drawHeld(held);
    fill(this.cards, list.map((act) => this.card(act)));
    this.resolutions = resolutions;
    this.drawTable();
  }

  drawWarnings(list, warnings) {
    const titles = new Map(list.map((act) => [act.id, act.title]));
    const loud = warnings.filter(({ level }) => level <= 30).sort((one, other) => one.days_left - other.days_left);
    this.warnings.hidden = !loud.length;
    fill(this.warnings, loud.map(({ act, days_left: days, level }) =>
      h("p", { class: `banner banner-${level <= 7 ? "bad" : "warn"}` }, icon("fault"),
        h("span", {}, level === 0 || days < 0 ? t("acts.warning.over", { title: titles.get(act) ?? act }) : t(days === 1 ? "acts.warning.one" : "acts.warning", { title: titles.get(act) ?? act, n: number(days) })))));
  }

  card(act) {
    const extend = MAY_EXTEND.has(state.user.role) && h("button", { type: "button", class: act.state === "scaduto" || act.state === "in-scadenza" ? "primary" : "quiet", onclick: () => this.extend(act), "aria-label": t("acts.extend.of", { title: act.title }) }, icon("plus"), t("acts.extend"));
    const id = `act-${act.id}`;
    const row = (label, ...value) => h("div", {}, h("dt", {}, label), h("dd", {}, value));
    const over = act.state === "scaduto";
    return h("article", { class: "panel act", "aria-labelledby": id, data: { tone: TONES[act.state] ?? "calm" } },
      h("header", { class: "act-head" },
        h("div", {}, h("h2", { id }, act.title), h("p", { class: "muted" }, [word("act-kind", act.kind), act.number && t("acts.number", { n: act.number })].filter(Boolean).join(" · "))),
        h("p", { class: `chip chip-${TONES[act.state] ?? "calm"}` }, icon(MARKS[act.state] ?? "idle"), word("act-state", act.state))),
      validity(act),
      over && h("p", { class: "act-over" }, icon("dark"), h("span", {}, t("acts.over"))),
      act.dpia_stale && h("p", { class: "act-stale" }, icon("fault"), h("span", {}, h("strong", {}, `${t("acts.stale")}. `), act.dpia_stale)),
      h("dl", { class: "facts-grid" },
        row(t("acts.parties"), act.parties.join(", ")),
        act.dpia && row(t("acts.dpia"), [act.dpia, act.dpia_date && t("acts.of-day", { day: date(act.dpia_date) })].filter(Boolean).join(" ")),
        act.document_sha256 && row(t("acts.hash"), h("code", { title: act.document_sha256 }, `${act.document_sha256.slice(0, 12)}…`))),
      h("details", {}, h("summary", {}, t("acts.scopes")), h("ul", { class: "scopes" }, act.scopes.map((scope) => this.scope(scope)))),
      act.extensions.length > 0 && h("div", {}, h("h3", {}, t("acts.extensions")), h("ul", { class: "extensions" }, act.extensions.map((one) =>
        h("li", {}, icon("plus"), h("span", {}, t("acts.extension", { until: date(one.until), who: one.by, when: date(one.entered) }), one.reason && h("span", { class: "muted" }, ` — ${one.reason}`)))))),
      extend && h("div", { class: "card-actions" }, extend));
  }

  scope({ cameras, recipients, analytics, disclosure }) {
    return h("li", {}, h("strong", {}, cameras.map((id) => this.camera(id)).join(", ")), ` → ${recipients.map((id) => this.recipient(id)).join(", ")}: ${word("disclosure", disclosure)}`,
      analytics.length > 0 && h("span", { class: "muted" }, ` · ${analytics.map((one) => word("analytic", one)).join(", ")}`));
  }

  camera(id) { return this.names.cameras[id] ?? id; }

  recipient(id) { return this.names.recipients[id] ?? id; }

  async extend(act) {
    const done = await ask({
      title: t("acts.extend.title", { title: act.title }), lead: t("acts.extend.lead", { day: date(act.last_day) }), submit: t("acts.extend"),
      fields: [
        { name: "until", label: t("acts.extend.until"), type: "date", required: true, min: act.last_day },
        { name: "reason", label: t("acts.extend.reason"), type: "area", required: true, minlength: 5, maxlength: 200 },
        documentField(),
      ],
      run: ({ until, reason, document_sha256: document }) => post(`/api/acts/${encodeURIComponent(act.id)}/extensions`, { until, reason, ...(document ? { document_sha256: document } : {}) }),
    });
    if (!done) return;
    say(t("acts.extended", { title: act.title }));
    await this.refresh();
    document.querySelector(`[aria-labelledby="act-${CSS.escape(act.id)}"] .card-actions button`)?.focus();
  }

  drawHeld(all) {
    const held = all.filter((one) => one.state === "held");
    this.held.hidden = !held.length;
    if (held.length) fill(this.held, [h("h2", { id: "held-title" }, t("held.title")), h("p", { class: "muted" }, t("held.lead")), held.map((one) => this.heldCard(one))]);
  }

  heldCard(one) {
    const words = language() === "it" ? "text_it" : "text_en";
    const waiting = one.state === "held";
    const mine = one.by === state.user.id || one.approvals.some(({ by }) => by === state.user.id);
    const decide = (what, tone) => ask({
      title: t(`held.${what}.title`), lead: t(`held.${what}.lead`), submit: t(`held.${what}`), tone,
      fields: [{ name: "reason", label: t("held.reason"), type: "area", required: true, minlength: 5, maxlength: 200 }],
      run: ({ reason }) => post(`/api/held/${encodeURIComponent(one.id)}/${what}`, { reason }),
    }).then((done) => { if (done) { say(t(`held.${what}.done`)); this.refresh(); } });
    return h("article", { class: "panel held-card", "aria-label": t("held.card", { who: one.by }) },
      h("p", {}, t("held.by", { who: one.by, when: full(one.utc) }), one.where && h("span", { class: "muted" }, ` · ${one.where}`)),
      h("ul", { class: "widenings" }, one.widenings.map((widening) => h("li", {}, icon("fault"), h("span", {}, widening[words] || widening.what)))),
      h("p", { class: "approvals" }, t("held.approvals", { n: one.approvals.length, of: one.needed }),
        one.grown && h("span", { class: "tone-warn" }, t("held.grown")), dots(one.approvals.length, one.needed), one.approvals.map(({ by, utc }) => h("span", { class: "muted" }, t("held.approved-by", { who: by, when: full(utc) })))),
      waiting && (mine ? h("p", { class: "muted" }, t("held.not-you"))
        : h("div", { class: "card-actions" },
          h("button", { type: "button", class: "primary", onclick: () => decide("approve", "primary") }, icon("check"), t("held.approve")),
          h("button", { type: "button", class: "quiet", onclick: () => decide("reject", "alarm") }, icon("cross"), t("held.reject")))));
  }

  drawTable() {
    const rows = this.resolutions;
    this.table.hidden = !rows.length;
    if (!rows.length) return;
    const words = language() === "it" ? "reason_it" : "reason_en";
    const shown = rows.filter((one) => !this.only || (this.only === "on") === one.on);
    const choose = h("select", { id: "resolution-only", onchange: () => { this.only = choose.value; this.drawTable(); this.table.querySelector("select").focus(); } },
      [["", "all"], ["on", "on"], ["off", "off"]].map(([value, key]) => h("option", { value, selected: this.only === value }, t(`resolutions.${key}`))));
    const cell = (name, ...content) => h("td", { data: { label: t(`resolutions.col.${name}`) } }, h("div", {}, content));
    fill(this.table,
      h("div", { class: "section-head" }, h("div", {}, h("h2", { id: "resolutions-title" }, t("resolutions.title")), h("p", { class: "muted" }, t("resolutions.lead"))),
        h("div", { class: "find" }, h("label", { for: "resolution-only" }, t("resolutions.show")), choose)),
      h("table", {}, h("caption", { class: "unseen" }, t("resolutions.title")),
        h("thead", {}, h("tr", {}, ["camera", "what", "recipient", "on", "why"].map((name) => h("th", { scope: "col" }, t(`resolutions.col.${name}`))))),
        h("tbody", {}, shown.map((one) => h("tr", {},
          cell("camera", this.camera(one.camera)), cell("what", word("analytic", one.analytic)), cell("recipient", this.recipient(one.recipient)),
          cell("on", h("span", { class: `chip chip-${one.on ? "ok" : "calm"}` }, icon(one.on ? "check" : "dark"), t(one.on ? "resolutions.is-on" : "resolutions.is-off"))),
          cell("why", one[words] || (one.act ? t("ledger.act-is", { act: one.act }) : "")))))));
  }
}

/** The bar of what is left, with the days in words. */
function validity(act) {
  const days = act.days_left;
  const tone = act.state === "scaduto" ? "bad" : WARNS.find(([n]) => days <= n)?.[1] ?? "ok";
  const span = Math.max(1, Math.min(FULL_DAYS, (new Date(act.last_day) - new Date(act.valid_from)) / 86_400_000));
  const left = act.state === "scaduto" ? 0 : act.state === "futuro" ? 100 : Math.max(2, Math.min(100, (days / span) * 100));
  const words = act.state === "scaduto" ? t("acts.ended-on", { day: date(act.last_day) })
    : act.state === "futuro" ? t("acts.from", { day: date(act.valid_from) })
      : days === 0 ? t("acts.last-day") : t(days === 1 ? "acts.left.one" : "acts.left", { n: number(days), day: date(act.last_day) });
  return h("div", { class: "validity", data: { tone } },
    s("svg", { viewBox: "0 0 100 4", preserveAspectRatio: "none", class: "validity-bar", "aria-hidden": "true", focusable: "false" },
      s("rect", { width: 100, height: 4, class: "bar-back" }), s("rect", { width: left, height: 4, class: "bar-front" })),
    h("p", { class: "validity-words" }, words));
}

function dots(done, needed) {
  return s("svg", { viewBox: `0 0 ${needed * 14} 12`, class: "dots", "aria-hidden": "true", focusable: "false" },
    ...Array.from({ length: needed }, (_, at) => s("circle", { cx: 6 + at * 14, cy: 6, r: 4.5, class: at < done ? "dot-on" : "dot-off" })));
}
