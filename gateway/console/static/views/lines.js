// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// Lines between this box and others: how each stands in words, who is invited, who is let in no more.

import { get, post, request } from "../api.js";
import { ask } from "../dialog.js";
import { fill, h, icon, reconcile, say } from "../dom.js";
import { ago, date, full, number, t, word } from "../i18n.js";

const POLL_MS = 3000;
const ICONS = { "da-associare": "idle", "in-collegamento": "wait", attiva: "check", muta: "wait", interrotta: "fault", rifiutata: "lock" };
const TONES = { "da-associare": "calm", "in-collegamento": "calm", attiva: "ok", muta: "warn", interrotta: "bad", rifiutata: "bad" };
/** A clock that is further off makes the times of two boxes hard to compare (B-57). */
const CLOCK_WARNS_MS = 1000;
const CERTIFICATE_WARNS_MS = 60 * 86_400_000;

/** Shows the page. */
export function lines(container) {
  const view = new LinesView(container);
  view.refresh();
  const timer = setInterval(() => { if (!document.hidden) view.refresh(); }, POLL_MS);
  return { title: t("lines.title"), leave() { clearInterval(timer); view.gone.abort(); } };
}

class LinesView {
  constructor(container) {
    this.cards = new Map();
    this.found = null;
    this.gone = new AbortController();
    this.count = h("p", { class: "muted count", "aria-live": "polite" });
    this.doors = h("div", { class: "head-buttons" });
    this.note = h("p", { class: "notice" }, t("app.loading"));
    this.empty = h("section", { class: "panel lines-empty", hidden: true });
    this.grid = h("div", { class: "acts lines" });
    container.append(
      h("div", { class: "page-head" }, h("div", {}, h("h1", { tabindex: "-1" }, t("lines.title")), h("p", { class: "muted" }, t("lines.lead")), this.count), this.doors),
      this.note, this.empty, this.grid);
  }

  async refresh() {
    let problem = "";
    try {
      this.found = await get("/api/lines", { signal: this.gone.signal });
    } catch (error) {
      if (error.name === "AbortError") return;
      problem = error.message;
    }
    this.note.hidden = !problem;
    write(this.note, problem);
    if (this.found) this.draw(this.found);
  }

  draw({ lines: list, is_room: isRoom, may_invite: mayInvite }) {
    const faulty = list.filter((one) => tone(one) === "bad" || tone(one) === "warn").length;
    this.count.hidden = !list.length;
    write(this.count, [
      t(list.length === 1 ? "lines.count.one" : "lines.count", { n: list.length }),
      t(faulty === 0 ? "lines.faulty.none" : faulty === 1 ? "lines.faulty.one" : "lines.faulty", { n: faulty }),
    ].join(" · "));
    if (mayInvite && !this.doors.firstChild) {
      fill(this.doors, h("button", { type: "button", class: "primary", onclick: () => this.invite() }, icon("plus"), t("lines.invite")));
    }
    this.drawEmpty(!list.length, isRoom, mayInvite);
    reconcile(this.grid, list, (one) => `${one.side}/${one.id}`, (one) => this.build(one), (_, one) => this.cards.get(`${one.side}/${one.id}`).update(one));
  }

  drawEmpty(shown, isRoom, mayInvite) {
    const news = JSON.stringify([shown, isRoom, mayInvite]);
    if (news === this.drawnEmpty) return;
    this.drawnEmpty = news;
    this.empty.hidden = !shown;
    const steps = isRoom ? ["lines.empty.invite", "lines.empty.join", "lines.empty.acts"] : ["lines.empty.room", "lines.empty.uplink", "lines.empty.join"];
    fill(this.empty, h("h2", {}, t("lines.empty")), h("p", {}, t(isRoom && !mayInvite ? "lines.empty.yours" : "lines.empty.how")),
      (mayInvite || !isRoom) && h("ol", { class: "plain-steps" }, steps.map((key) => h("li", {}, t(key)))));
  }

  build(line) {
    const card = new LineCard((one, again) => this.invite(one, again), (one) => this.revoke(one));
    this.cards.set(`${line.side}/${line.id}`, card);
    card.update(line);
    return card.element;
  }

  async invite(line = null) {
    const { organisations, always } = this.found;
    const partners = organisations.filter((one) => one.id !== always);
    const fields = line ? [] : [
      { name: "edge", label: t("lines.invite.edge"), hint: t("lines.invite.edge.hint"), required: true, maxlength: 64 },
      { name: "name", label: t("lines.invite.name"), required: true, maxlength: 100 },
      ...(always ? partners.map((one) => ({ name: `with-${one.id}`, type: "check", label: t("lines.invite.with", { name: one.name }) })) : []),
      ...(!always && organisations.length > 1 ? [{ name: "organisation", label: t("lines.invite.organisation"), hint: t("lines.invite.organisation.hint"), options: organisations.map((one) => [one.id, one.name]) }] : []),
    ];
    let made = null;
    const done = await ask({
      title: line ? t("lines.again.title", { name: line.name }) : t("lines.invite.title"), lead: t(line ? "lines.again.lead" : "lines.invite.lead"), submit: t("lines.invite.submit"), fields,
      run: async ({ edge, name, organisation, ...told }) => {
        const named = always ? partners.filter((one) => told[`with-${one.id}`]).map((one) => one.id) : organisation ? [organisation] : [];
        made = await post("/api/lines/invitations", line ? { edge: line.id } : { edge, name, organisations: named });
        return made;
      },
    });
    if (!done || !made) return;
    await this.show(made);
    await this.refresh();
  }

  /** Shows a code once: it is kept nowhere. */
  async show({ edge, code, expires, kept }) {
    const command = `varco link join --as ${t("lines.code.line")}`;
    const text = h("p", { class: "line-code", id: "line-code", tabindex: "0", role: "group", "aria-labelledby": "line-code-label" }, code);
    const copied = h("p", { class: "muted", role: "status" });
    const copy = h("button", { type: "button", class: "quiet", onclick: async () => {
      try {
        await navigator.clipboard.writeText(code);
        copied.textContent = t("lines.code.copied");
      } catch {
        getSelection().selectAllChildren(text);
        copied.textContent = t("lines.code.selected");
      }
    } }, icon("archive"), t("lines.code.copy"));
    await ask({
      title: t("lines.code.title", { edge }), lead: t("lines.code.lead", { when: full(expires) }), cancel: t("lines.code.close"),
      body: [h("p", { class: "field-label", id: "line-code-label" }, t("lines.code.label")), text, h("div", { class: "head-row" }, copy), copied,
        kept > 0 && h("p", { class: "notice" }, t(kept === 1 ? "lines.code.kept.one" : "lines.code.kept", { n: kept })),
        h("ol", { class: "plain-steps" }, h("li", {}, t("lines.code.step.hand")), h("li", {}, t("lines.code.step.type"), " ", h("code", {}, command)), h("li", {}, t("lines.code.step.then")))],
    });
  }

  async revoke(line) {
    const done = await ask({
      title: t("lines.revoke.title", { name: line.name }), submit: t("lines.revoke.submit"), tone: "alarm",
      body: [h("ul", { class: "consequences" }, ["lines.revoke.dark", "lines.revoke.alarms", "lines.revoke.back", "lines.revoke.ledger"].map((key) => h("li", {}, icon("check"), t(key))))],
      run: () => request(`/api/lines/${encodeURIComponent(line.id)}`, { method: "DELETE" }).then(() => true),
    });
    if (!done) return;
    say(t("lines.revoked", { name: line.name }), { urgent: true });
    await this.refresh();
  }
}

/** Returns how grave a line's state is. */
function tone(one) {
  if (!one.enabled) return "calm";
  if (one.state === "attiva" && (one.reduced.length || Math.abs(one.clock_offset_ms) > CLOCK_WARNS_MS || endsSoon(one))) return "warn";
  return TONES[one.state] ?? "calm";
}

const endsSoon = (one) => one.certificate_until !== "" && new Date(one.certificate_until).getTime() - Date.now() < CERTIFICATE_WARNS_MS;

/** Replaces a text only if it differs, so that nothing flickers and nothing is read out twice. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

class LineCard {
  constructor(invite, revoke) {
    this.actions = { invite, revoke };
    this.drawn = new Map();
    this.name = h("h2", {});
    this.place = h("p", { class: "muted" });
    this.chip = h("p", { class: "chip" });
    this.why = h("p", { class: "line-why" });
    this.problem = h("p", { class: "card-problem" });
    this.facts = h("dl", { class: "facts-grid" });
    this.reduced = h("section", {});
    this.doors = h("div", { class: "actions" });
    this.element = h("article", { class: "card act line-card" },
      h("header", { class: "act-head" }, h("div", {}, this.name, this.place), this.chip), this.why, this.problem, this.facts, this.reduced, this.doors);
  }

  update(line) {
    const was = this.line;
    this.line = line;
    const id = `line-${line.side}-${line.id}`;
    this.name.id = id;
    this.element.setAttribute("aria-labelledby", id);
    this.element.dataset.tone = tone(line);
    this.element.dataset.state = line.enabled ? line.state : "revocata";
    write(this.name, line.name);
    write(this.place, `${t(line.side === "edge" ? "lines.side.edge" : "lines.side.room")} · ${line.id}`);
    const state = line.enabled ? word("line", line.state) : t("line.revocata");
    const mark = line.enabled ? ICONS[line.state] ?? "idle" : "lock";
    const kind = line.enabled ? TONES[line.state] ?? "calm" : "calm";
    const since = line.enabled && line.since_utc ? t("cameras.since", { span: ago(line.since_utc) }) : "";
    this.draw("chip", [state, mark, kind, since], () => {
      this.chip.className = `chip chip-${kind}`;
      fill(this.chip, icon(mark), h("span", {}, state), since && h("span", { class: "chip-since" }, since));
    });
    this.chip.title = line.since_utc ? full(line.since_utc) : "";
    write(this.why, t(line.enabled ? `line.why.${line.state}${line.state === "da-associare" && line.side === "room" ? ".room" : ""}` : "line.why.revocata"));
    write(this.problem, line.problem && line.state !== "attiva" ? line.problem : "");
    this.problem.hidden = !this.problem.textContent;
    this.draw("facts", facts(line), (rows) => { this.facts.hidden = !rows.length; fill(this.facts, rows.map(([label, text, colour]) => h("div", {}, h("dt", {}, label), h("dd", { class: colour ? `tone-${colour}` : null }, text)))); });
    this.draw("reduced", line.reduced, (list) => this.drawReduced(list));
    this.draw("doors", [line.may_manage, line.enabled, line.state, line.invited_until], () => this.drawDoors());
    if (was && (was.state !== line.state || was.enabled !== line.enabled)) say(`${line.name}: ${state}`, { urgent: kind === "bad" });
  }

  /** Calls `paint` only if what it would paint has changed: focus stays where it is. */
  draw(part, made, paint) {
    const text = JSON.stringify(made);
    if (this.drawn.get(part) === text) return;
    this.drawn.set(part, text);
    paint(made);
  }

  drawReduced(list) {
    this.reduced.hidden = !list.length;
    fill(this.reduced, h("p", { class: "act-stale" }, icon("wait"), h("span", {}, t(list.length === 1 ? "lines.reduced.one" : "lines.reduced", { names: list.map((one) => one.name).join(", ") }))));
  }

  drawDoors() {
    const { line } = this;
    this.doors.hidden = !line.may_manage;
    if (!line.may_manage) return;
    const fresh = line.state === "da-associare" || !line.enabled || line.state === "rifiutata";
    fill(this.doors,
      fresh && h("button", { type: "button", class: "quiet", "aria-label": t("lines.again.of", { name: line.name }), onclick: () => this.actions.invite(this.line) }, icon("plus"), t("lines.again")),
      line.enabled && h("button", { type: "button", class: "quiet", "aria-label": t("lines.revoke.of", { name: line.name }), onclick: () => this.actions.revoke(this.line) }, icon("lock"), t("lines.revoke")));
  }
}

/** Returns what there is to tell of a line: label, text, tone. */
function facts(line) {
  const up = line.state === "attiva" || line.state === "muta";
  const off = Math.abs(line.clock_offset_ms);
  const soon = endsSoon(line);
  return [
    up && [t("lines.delay"), t("lines.ms", { n: number(line.round_trip_ms, line.round_trip_ms < 10 ? 1 : 0) })],
    up && [t("lines.streams"), number(line.streams)],
    up && [t("lines.clock"), off <= CLOCK_WARNS_MS ? t("lines.clock.right") : t(line.clock_offset_ms < 0 ? "devices.clock.late" : "devices.clock.early", { offset: number(off / 1000, 1) }), off > CLOCK_WARNS_MS ? "warn" : ""],
    !up && line.heard_utc && [t("lines.heard"), t("lines.heard.ago", { span: ago(line.heard_utc) })],
    up && line.address && [t("lines.address"), line.address],
    line.certificate_until && [t("lines.certificate"), t("lines.until", { day: date(line.certificate_until) }), soon ? "warn" : ""],
    line.invited_until && [t("lines.invited"), t("lines.until", { day: full(line.invited_until) })],
  ].filter(Boolean);
}
