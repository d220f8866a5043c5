// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// The lists of plates that are sought: what they hold without any plate, and what waits for a second person.

import { get, post, query, request } from "../api.js";
import { ask } from "../dialog.js";
import { fill, h, icon, say } from "../dom.js";
import { ago, date, full, language, number, t, word } from "../i18n.js";
import { state } from "../state.js";

const POLL_MS = 20_000;
const DAY_MS = 86_400_000;
const MOST_DAYS = 90;
/** What a person may touch plates for, the likeliest first. */
const PURPOSES = ["intervento", "delega-ag", "servizio"];
const RAW_SIGNATURE_BYTES = 64;

/** Shows the page. */
export function hotlists(container) {
  const view = new HotListsView(container);
  view.refresh();
  const timer = setInterval(() => { if (!document.hidden && !document.querySelector("dialog")) view.refresh(); }, POLL_MS);
  return { title: t("hotlists.title"), leave() { clearInterval(timer); } };
}

class HotListsView {
  constructor(container) {
    this.notice = h("p", { class: "notice" }, t("app.loading"));
    this.deeds = h("div", { class: "card-actions" });
    this.waiting = h("section", { class: "held", hidden: true, "aria-labelledby": "hotlists-waiting" });
    this.lists = h("section", { "aria-labelledby": "hotlists-lists" });
    this.local = h("section", { "aria-labelledby": "hotlists-local" });
    container.append(
      h("div", { class: "page-head" }, h("div", {}, h("h1", { tabindex: "-1" }, t("hotlists.title")), h("p", { class: "muted" }, t("hotlists.lead"))), this.deeds),
      this.notice, this.waiting, this.lists, this.local);
  }

  async refresh() {
    try {
      const found = await get("/api/hotlists");
      const news = JSON.stringify([{ ...found, now: "" }, language()]);
      if (news === this.shown) return;
      this.shown = news;
      this.draw(found);
    } catch (problem) {
      this.notice.hidden = false;
      this.notice.textContent = problem.message;
    }
  }

  draw(found) {
    this.may = new Set(found.may);
    this.notice.hidden = !found.problem;
    this.notice.textContent = t("hotlists.problem");
    this.drawDeeds(found.sources);
    const waiting = found.entries.filter((one) => one.state === "in-attesa");
    this.waiting.hidden = !waiting.length;
    fill(this.waiting, h("h2", { id: "hotlists-waiting" }, t("hotlists.waiting")), h("p", { class: "muted" }, t("hotlists.waiting.lead")), waiting.map((one) => this.waitingCard(one)));
    this.drawLists(found.lists);
    this.drawLocal(found.entries.filter((one) => one.state === "in-vigore"));
  }

  drawDeeds(sources) {
    const button = (name, mark, tone, act) => h("button", { type: "button", class: tone, onclick: act }, icon(mark), t(`hotlists.${name}`));
    fill(this.deeds, [
      this.may.has("add") && button("add", "plus", "primary", () => this.add()),
      this.may.has("import") && sources.length > 0 && button("import", "down", "quiet", () => this.import(sources)),
      this.may.has("open") && button("lookup", "question", "quiet", () => this.lookUp()),
    ]);
  }

  facts(one) {
    const row = (label, ...value) => h("div", {}, h("dt", {}, t(`hotlists.${label}`)), h("dd", {}, value));
    return h("dl", { class: "facts-grid" },
      row("case", one.case), row("requester", one.requester), row("act", one.act), row("country", one.country || t("hotlists.country.any")),
      row("until", until(one.until)), one.label && row("label", one.label));
  }

  waitingCard(one) {
    const id = `hotlist-${one.id}`;
    return h("article", { class: "panel held-card hotlist", "aria-labelledby": id },
      h("h3", { id }, one.reason),
      h("p", {}, t("hotlists.asked-by", { who: one.added_by, when: full(one.added) }), h("span", { class: "muted" }, ` · ${one.organisation}`)),
      this.facts(one),
      one.bar && h("p", { class: "muted hotlist-bar" }, icon("lock"), t(`hotlists.bar.${one.bar}`)),
      h("div", { class: "card-actions" },
        this.may.has("approve") && !one.bar && h("button", { type: "button", class: "primary", onclick: () => this.judge(one, "approve") }, icon("check"), t("hotlists.approve")),
        this.opener(one),
        h("button", { type: "button", class: "quiet", onclick: () => this.judge(one, "reject") }, icon("cross"), t("hotlists.reject"))));
  }

  opener(one) {
    return this.may.has("open") && h("button", { type: "button", class: "quiet", onclick: () => this.open(one), "aria-label": t("hotlists.open.of", { reason: one.reason }) }, icon("eye"), t("hotlists.open"));
  }

  drawLists(lists) {
    const cell = (name, ...content) => h("td", { data: { label: t(`hotlists.col.${name}`) } }, h("div", {}, content));
    const names = ["kind", "source", "entries", "issued", "ends", "act"];
    fill(this.lists,
      h("div", { class: "section-head" }, h("div", {}, h("h2", { id: "hotlists-lists" }, t("hotlists.lists")), h("p", { class: "muted" }, t("hotlists.lists.lead")))),
      lists.length === 0 ? h("p", { class: "panel muted" }, t("hotlists.lists.none")) : h("table", {}, h("caption", { class: "unseen" }, t("hotlists.lists")),
        h("thead", {}, h("tr", {}, names.map((name) => h("th", { scope: "col" }, t(`hotlists.col.${name}`))))),
        h("tbody", {}, lists.map((one) => h("tr", {},
          cell("kind", word("plates.list", one.kind)), cell("source", one.source, h("p", { class: "muted" }, one.requester)),
          cell("entries", number(one.entries), h("p", { class: "muted" }, t("hotlists.sequence", { n: number(one.sequence) }))),
          cell("issued", date(one.issued), h("p", { class: "muted" }, ago(one.issued))),
          cell("ends", one.entries ? until(one.first_end) : t("hotlists.empty"), one.last_end !== one.first_end && h("p", { class: "muted" }, t("hotlists.last-end", { day: date(one.last_end) }))),
          cell("act", one.act, h("p", { class: "muted" }, one.reason)))))));
  }

  drawLocal(entries) {
    fill(this.local,
      h("div", { class: "section-head" }, h("div", {}, h("h2", { id: "hotlists-local" }, t("hotlists.local")), h("p", { class: "muted" }, t("hotlists.local.lead")))),
      entries.length === 0 ? h("p", { class: "panel muted" }, t("hotlists.local.none")) : h("div", { class: "stack" }, entries.map((one) => this.localCard(one))));
  }

  localCard(one) {
    const id = `hotlist-${one.id}`;
    return h("article", { class: "panel hotlist", "aria-labelledby": id },
      h("header", { class: "act-head" }, h("h3", { id }, one.reason), h("p", { class: "chip chip-ok" }, icon("check"), t("hotlists.in-force"))),
      h("p", {}, t("hotlists.two", { asker: one.added_by, judge: one.approved_by })),
      this.facts(one),
      h("div", { class: "card-actions" }, this.opener(one),
        h("button", { type: "button", class: "quiet", onclick: () => this.judge(one, "remove"), "aria-label": t("hotlists.remove.of", { reason: one.reason }) }, icon("cross"), t("hotlists.remove"))));
  }

  async judge(one, what) {
    const approving = what === "approve";
    const done = await ask({
      title: t(`hotlists.${what}.title`), lead: t(`hotlists.${what}.lead`), submit: t(`hotlists.${what}`), tone: approving ? "primary" : "alarm",
      fields: approving ? why(one.case) : [reasonField()],
      run: (values) => post(`/api/hotlists/entries/${one.id}/${what}`, values),
    });
    if (done) await this.told(`hotlists.${what}.done`);
  }

  async told(key, fields) {
    say(t(key, fields));
    await this.refresh();
    document.querySelector("main h1")?.focus();
  }

  async open(one) {
    const shown = await ask({
      title: t("hotlists.open.title"), lead: t("hotlists.open.lead"), submit: t("hotlists.open"), fields: why(one.case),
      run: (values) => post(`/api/hotlists/entries/${one.id}/open`, values),
    });
    if (!shown) return;
    await ask({
      title: t("hotlists.plate"), lead: one.reason, cancel: t("hotlists.close"),
      body: [h("p", { class: "big-code" }, shown.plate), h("p", { class: "muted" }, shown.country || t("hotlists.country.any"))],
    });
  }

  async add() {
    const today = Date.now();
    const day = (days) => new Date(today + days * DAY_MS).toISOString().slice(0, 10);
    const done = await ask({
      title: t("hotlists.add.title"), lead: t("hotlists.add.lead"), submit: t("hotlists.add.submit"),
      fields: [
        { name: "plate", label: t("hotlists.plate"), required: true, minlength: 4, maxlength: 20, class: "plate-field" },
        { name: "country", label: t("hotlists.country"), value: "IT", maxlength: 2, hint: t("hotlists.country.hint") },
        ...why(""),
        { name: "act", label: t("hotlists.act"), required: true, maxlength: 200, hint: t("hotlists.act.hint") },
        { name: "requester", label: t("hotlists.requester"), required: true, maxlength: 200 },
        { name: "until", label: t("hotlists.until"), type: "date", required: true, value: day(30), min: day(0), hint: t("hotlists.until.hint", { n: MOST_DAYS }) },
        { name: "label", label: t("hotlists.label"), maxlength: 200, hint: t("hotlists.label.hint") },
      ],
      run: (values) => post("/api/hotlists/entries", values),
    });
    if (done) await this.told("hotlists.add.done");
  }

  async import(sources) {
    const done = await ask({
      title: t("hotlists.import.title"), lead: t("hotlists.import.lead", { sources: sources.map((one) => `${one.name} (${one.kinds.join(", ")})`).join("; ") }), submit: t("hotlists.import"),
      fields: [
        { name: "document", label: t("hotlists.import.document"), type: "file", raw: true, required: true },
        { name: "signature", label: t("hotlists.import.signature"), type: "file", raw: true, required: true, hint: t("hotlists.import.hint") },
        ...why(""),
      ],
      run: async ({ document: file, signature, ...rest }) => {
        const answer = await request(`/api/hotlists/imports?${query({ ...rest, signature: await signatureOf(signature) })}`, { method: "POST", type: "application/octet-stream", body: await file.arrayBuffer() });
        return answer.json();
      },
    });
    if (done) await this.told("hotlists.import.done", { added: number(done.added), removed: number(done.removed), source: done.source, kind: done.kind });
  }

  async lookUp() {
    const found = await ask({
      title: t("hotlists.lookup.title"), lead: t("hotlists.open.lead"), submit: t("hotlists.lookup"),
      fields: [
        { name: "plate", label: t("hotlists.plate"), required: true, minlength: 4, maxlength: 20, class: "plate-field" },
        { name: "country", label: t("hotlists.country"), value: "IT", maxlength: 2 }, ...why("")],
      run: (values) => post("/api/hotlists/lookup", values),
    });
    if (!found) return;
    await ask({
      title: t("hotlists.lookup.title"), cancel: t("hotlists.close"), lead: found.length ? t("hotlists.lookup.found", { n: number(found.length) }) : t("hotlists.lookup.none"),
      body: found.map((one) => h("p", {}, h("strong", {}, word("plates.list", one.kind)), ` · ${one.source || one.requester} · ${one.reason} · ${until(one.until)}`)),
    });
  }
}

/** The fields that say why somebody touches a plate. */
function why(reference) {
  const offered = PURPOSES.filter((one) => state.user.purposes.includes(one));
  return [
    { name: "purpose", label: t("why.purpose"), options: offered.map((one) => [one, word("purpose", one)]), required: true },
    { name: "case", label: t("hotlists.case"), required: true, maxlength: 100, value: reference, hint: t("hotlists.case.hint") },
    reasonField(),
  ];
}

const reasonField = () => ({ name: "reason", label: t("hotlists.reason"), type: "area", required: true, minlength: 5, maxlength: 200 });

/** The day on which something ends, with how long that is. */
function until(iso) {
  const days = Math.max(0, Math.floor((new Date(iso) - Date.now()) / DAY_MS));
  return t(days === 1 ? "hotlists.until.day" : "hotlists.until.days", { day: date(iso), n: number(days) });
}

/** A signature file as base64: it holds either 64 bytes or their base64. */
async function signatureOf(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  return bytes.length === RAW_SIGNATURE_BYTES ? btoa(String.fromCharCode(...bytes)) : new TextDecoder().decode(bytes).trim();
}
