// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// How long copies are kept, what the oldest one is, and which of them an order holds back.

import { get, post, request } from "../api.js";
import { ask } from "../dialog.js";
import { fill, h, icon, s, say } from "../dom.js";
import { ago, date, full, instant, number, t, word } from "../i18n.js";
import { state } from "../state.js";

const POLL_MS = 30_000;
const MAY_HOLD = new Set(["dpo", "owner.private", "ps.supervisor"]);

/** Shows the page. */
export function retention(container) {
  const view = new RetentionView(container);
  view.refresh();
  const timer = setInterval(() => { if (!document.hidden && !document.querySelector("dialog")) view.refresh(); }, POLL_MS);
  return { title: t("retention.title"), leave() { clearInterval(timer); } };
}

class RetentionView {
  constructor(container) {
    this.notice = h("p", { class: "notice" }, t("app.loading"));
    this.classes = h("div", { class: "acts" });
    this.holds = h("section", { class: "holds", hidden: true, "aria-labelledby": "holds-title" }, h("h2", { id: "holds-title" }, t("holds.title")));
    container.append(
      h("div", { class: "page-head" }, h("div", {}, h("h1", { tabindex: "-1" }, t("retention.title")), h("p", { class: "muted" }, t("retention.lead")))),
      this.notice, this.classes, this.holds);
  }

  async refresh() {
    try {
      const found = await get("/api/retention");
      const news = JSON.stringify(found);
      if (news === this.shown) return;
      this.shown = news;
      this.cameras ??= await get("/api/cameras").catch(() => []);
      this.draw(found);
    } catch (problem) {
      this.notice.hidden = false;
      this.notice.textContent = problem.message;
    }
  }

  draw({ classes, holds }) {
    this.notice.hidden = classes.length > 0;
    this.notice.textContent = t("retention.none");
    const owners = new Map();
    for (const one of classes) owners.set(one.controller, [...(owners.get(one.controller) ?? []), one]);
    fill(this.classes, [...owners].map(([controller, rows]) => card(controller, rows)));
    this.drawHolds(holds);
  }

  drawHolds(holds) {
    this.holds.hidden = false;
    const may = MAY_HOLD.has(state.user.role);
    fill(this.holds,
      h("div", { class: "section-head" }, h("div", {}, h("h2", { id: "holds-title" }, t("holds.title")), h("p", { class: "muted" }, t("holds.lead"))),
        may && h("button", { type: "button", class: "primary", onclick: () => this.add() }, icon("pin"), t("holds.add"))),
      holds.length ? h("ul", { class: "hold-list" }, holds.map((one) => this.hold(one, may))) : h("p", { class: "notice" }, t("holds.none")));
  }

  hold(one, may) {
    const names = one.cameras.map((id) => this.cameras.find((camera) => camera.id === id)?.name ?? id);
    return h("li", { class: "panel hold" },
      h("div", {}, h("h3", {}, icon("pin"), t("holds.act", { act: one.act })),
        h("p", {}, names.length ? names.join(", ") : t("mine.all")),
        h("p", { class: "muted" }, t("holds.span", { from: full(one.from_utc), to: full(one.to_utc) })),
        h("p", { class: "muted" }, [t("holds.until", { day: date(one.until) }), one.by && t("mine.by", { who: one.by }), one.reason && `«${one.reason}»`].filter(Boolean).join(" · "))),
      may && one.releasable !== false && h("button", { type: "button", class: "quiet", "aria-label": t("holds.release.of", { act: one.act }), onclick: () => this.release(one) }, icon("out"), t("holds.release")));
  }

  async add() {
    const own = state.user.role === "ps.supervisor" ? [] : [["", t("mine.all")]];
    const options = [...own, ...this.cameras.map((one) => [one.id, one.name])];
    const done = await ask({
      title: t("holds.add.title"), lead: t("holds.add.lead"), submit: t("holds.add"),
      fields: [
        { name: "act", label: t("holds.field.act"), required: true, maxlength: 100 },
        { name: "camera", label: t("holds.field.camera"), options, value: options[0]?.[0] ?? "" },
        { name: "from", label: t("holds.field.from"), type: "datetime-local", required: true },
        { name: "to", label: t("holds.field.to"), type: "datetime-local", required: true },
        { name: "until", label: t("holds.field.until"), type: "date", required: true },
        { name: "reason", label: t("holds.field.reason"), required: true, maxlength: 200 },
      ],
      run: ({ camera, from, to, ...rest }) => post("/api/holds", { ...rest, cameras: camera ? [camera] : [], from: instant(from, { earliest: true }), to: instant(to) }),
    });
    if (!done) return;
    say(t("holds.added"));
    this.refresh();
  }

  async release(one) {
    const done = await ask({
      title: t("holds.release.title", { act: one.act }), lead: t("holds.release.lead"), submit: t("holds.release"), tone: "alarm",
      run: () => request(`/api/holds/${encodeURIComponent(one.id)}`, { method: "DELETE" }).then(() => true),
    });
    if (!done) return;
    say(t("holds.released"));
    this.refresh();
  }
}

/** One owner: a bar per kind of copy, full when the oldest one reaches the ceiling. */
function card(controller, rows) {
  const id = `keep-${controller}`;
  return h("article", { class: "panel keep", "aria-labelledby": id },
    h("h2", { id }, rows[0].controller_name ?? controller),
    rows[0].reason && h("p", { class: "muted" }, t("retention.reason", { reason: rows[0].reason })),
    h("ul", { class: "keep-list" }, rows.map((one) => {
      const age = one.oldest_utc ? (Date.now() - new Date(one.oldest_utc)) / 3_600_000 : 0;
      const share = one.keep_h ? Math.min(100, (age / one.keep_h) * 100) : 0;
      return h("li", { class: "validity", data: { tone: age > one.keep_h + 1 ? "bad" : "note" } },
        h("p", { class: "keep-name" }, h("strong", {}, word("retention-class", one.name)), h("span", {}, t("retention.ceiling", { n: number(one.keep_h, one.keep_h < 1 ? 2 : 0) }))),
        s("svg", { viewBox: "0 0 100 4", preserveAspectRatio: "none", class: "validity-bar", "aria-hidden": "true", focusable: "false" },
          s("rect", { width: 100, height: 4, class: "bar-back" }), s("rect", { width: share, height: 4, class: "bar-front" })),
        h("p", { class: "muted" }, one.items ? t(one.items === 1 ? "retention.items.one" : "retention.items", { n: number(one.items), span: ago(one.oldest_utc) }) : t("retention.empty")));
    })));
}
