// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// Starts the pages: session, language, header, and one view per fragment of the address.

import { get, request, whenSignedOut } from "./api.js";
import { forget, resume } from "./answer.js";
import { fill, h, icon, loadIcons, say } from "./dom.js";
import { connect, disconnect } from "./events.js";
import { addScenes } from "./exercise.js";
import { ago, choose, language, load, t, wished, word } from "./i18n.js";
import { forgetOld } from "./kept.js";
import { isAudible, toAnswer } from "./queue.js";
import { onKey } from "./keys.js";
import { beginRing, drawRing } from "./ring.js";
import { hasShifts, learnShift, order, shiftButton } from "./shift.js";
import { bell } from "./sound.js";
import { alarmsNewestFirst, forgetShift, openAlarms, soundOn, state, watch } from "./state.js";
import { account } from "./views/account.js";
import { acts } from "./views/acts.js";
import { alarm } from "./views/alarm.js";
import { alarms } from "./views/alarms.js";
import { cameras } from "./views/cameras.js";
import { devices } from "./views/devices.js";
import { hotlists } from "./views/hotlists.js";
import { incident } from "./views/incident.js";
import { incidents } from "./views/incidents.js";
import { ledger } from "./views/ledger.js";
import { lines } from "./views/lines.js";
import { mine } from "./views/mine.js";
import { plates } from "./views/plates.js";
import { precision } from "./views/precision.js";
import { reports } from "./views/reports.js";
import { retention } from "./views/retention.js";
import { signIn } from "./views/sign-in.js";
import { wall } from "./views/wall.js";

const TOAST_MS = 12_000;
/** Melodies of a report, an urgent one and another; each once, where an alarm goes on until it is answered. */
const [URGENT_REPORT, REPORT] = [3, 2];
const NAV = {
  alarms: { href: "#/allarmi", mark: "bell", label: "nav.alarms" },
  plates: { href: "#/targhe", mark: "plate", label: "nav.plates" },
  hotlists: { href: "#/liste-targhe", mark: "list", label: "nav.hotlists" },
  incidents: { href: "#/interventi", mark: "incident", label: "nav.incidents" },
  reports: { href: "#/segnalazioni", mark: "message", label: "nav.reports" },
  cameras: { href: "#/telecamere", mark: "camera", label: "nav.cameras" },
  devices: { href: "#/impianti", mark: "recorder", label: "nav.devices" },
  ledger: { href: "#/registro", mark: "book", label: "nav.ledger" },
  acts: { href: "#/atti", mark: "act", label: "nav.acts" },
  mine: { href: "#/i-miei-impianti", mark: "mine", label: "nav.mine" },
  lines: { href: "#/collegamenti", mark: "link", label: "nav.lines" },
  retention: { href: "#/conservazione", mark: "archive", label: "nav.retention" },
};
/** Pages that need the line on which news arrive. */
const LINE = ["alarms", "mine"];
const ROUTES = [
  [/^#\/telecamere$/, "cameras", cameras],
  [/^#\/parete$/, "cameras", wall],
  [/^#\/allarmi$/, "alarms", alarms],
  [/^#\/allarmi\/([0-9a-zA-Z-]+)$/, "alarms", alarm],
  [/^#\/precisione$/, "alarms", precision],
  [/^#\/targhe$/, "plates", plates],
  [/^#\/liste-targhe$/, "hotlists", hotlists],
  [/^#\/interventi$/, "incidents", incidents],
  [/^#\/interventi\/([0-9a-f-]+)$/, "incidents", incident],
  [/^#\/segnalazioni$/, "reports", reports],
  [/^#\/impianti$/, "devices", devices],
  [/^#\/registro$/, "ledger", ledger],
  [/^#\/atti$/, "acts", acts],
  [/^#\/i-miei-impianti$/, "mine", mine],
  [/^#\/collegamenti$/, "lines", lines],
  [/^#\/conservazione$/, "retention", retention],
  [/^#\/accesso$/, "", account],
];

const main = document.getElementById("main");
const header = document.getElementById("header");
let view = null;
let section = "";

async function begin() {
  await Promise.all([load(wished() ?? "it"), loadIcons()]);
  let session;
  try {
    session = await get("/api/session");
  } catch (problem) {
    fill(main, h("p", { class: "notice" }, problem.message), h("button", { type: "button", class: "primary", onclick: () => location.reload() }, t("problem.again")));
    return;
  }
  if (!wished() && session.box.language !== language()) await load(session.box.language);
  state.box = session.box;
  state.oidc = session.oidc ?? [];
  whenSignedOut(() => out(t("sign-in.ended")));
  watch(onChange);
  beginRing(goFirst);
  window.addEventListener("hashchange", show);
  onKey("p", goWall);
  document.getElementById("skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
  enter(session.user);
}

function enter(user) {
  forgetOld();
  state.user = user;
  state.order = null;
  if (user && LINE.some((name) => user.views.includes(name))) connect(() => out(t("sign-in.ended")));
  if (user?.views.includes("alarms")) {
    bell.hear([], user);
    resume();
  }
  if (user) learnShift();
  show();
}

function out(note) {
  if (!state.user) return;
  state.user = null;
  state.altered = "";
  state.alarms = null;
  bell.hear([], null);
  forget();
  disconnect();
  forgetShift();
  show(note);
  forgetOld();
}

async function signOut() {
  await request("/api/session", { method: "DELETE" }).catch(() => {});
  out(t("sign-in.left"));
}

/** Shows the view that the address names, or the sign-in. */
function show(note) {
  view?.leave();
  main.replaceChildren();
  document.getElementById("toasts").replaceChildren();
  document.getElementById("skip").textContent = t("app.skip");
  drawExercise();
  drawAltered();
  drawRing();
  if (!state.user) {
    section = "";
    drawHeader();
    view = signIn(main, { note: typeof note === "string" ? note : "", onSession: (session) => { state.box = session.box; enter(session.user); } });
  } else {
    route();
  }
  setTitle();
}

function route() {
  const allowed = state.user.views;
  for (const [form, name, build] of ROUTES) {
    const match = form.exec(location.hash);
    if (match && (!name || allowed.includes(name))) {
      section = name;
      drawHeader();
      drawAltered();
      learnLedger();
      view = build(main, match[1]);
      main.querySelector("h1")?.focus({ preventScroll: true });
      window.scrollTo(0, 0);
      return;
    }
  }
  if (allowed.length) {
    history.replaceState(null, "", NAV[allowed.find((name) => NAV[name])].href);
    route();
    return;
  }
  drawHeader();
  view = { title: t("app.name"), leave() {} };
  fill(main, h("h1", { tabindex: "-1" }, t("app.name")), h("p", { class: "notice" }, t("view.none")));
}

function setTitle() {
  const waiting = state.user ? openAlarms() : 0;
  document.title = `${waiting ? `(${waiting}) ` : ""}${view.title} · ${state.box.name}`;
}

function drawExercise() {
  const banner = state.box.exercise && h("div", { class: "exercise" }, icon("drill"), h("strong", {}, t("app.exercise")), h("span", {}, t("app.exercise.why")));
  fill(document.getElementById("exercise"), banner);
  if (banner && state.user) addScenes(banner);
}

/** What the banner says now: an alert that is drawn again is read out again. */
let alteredSaid = "";

/** Asks whether the ledger is whole, and says on every page that it is not. */
async function learnLedger() {
  const head = await get("/api/ledger/checkpoint").catch(() => null);
  if (head && state.user) sayAltered(head.altered);
}

function sayAltered(altered) {
  if (state.altered === altered) return;
  state.altered = altered;
  drawAltered();
}

function drawAltered() {
  const reads = state.user?.views.includes("ledger");
  const said = JSON.stringify([Boolean(state.user), reads, state.altered, language()]);
  if (said === alteredSaid) return;
  alteredSaid = said;
  fill(document.getElementById("altered"), state.user && state.altered && h("p", { class: "banner banner-bad", role: "alert" }, icon("fault"),
    h("span", {}, h("strong", {}, t("ledger.altered")), " ", reads ? t("ledger.altered.found", { problem: state.altered }) : t("ledger.altered.tell")),
    reads && h("a", { class: "button", href: "#/registro" }, t("ledger.altered.open"))));
}

/** One element for good: drawn anew without a network it would be a broken picture. */
const brandMark = h("img", { src: "/static/mark.svg", alt: "", width: "34", height: "34" });

function drawHeader() {
  fill(header, h("div", { class: "bar" },
    h("a", { class: "brand", href: "#/" }, brandMark,
      h("span", {}, h("strong", {}, state.box.name), state.box.organisation !== state.box.name && h("small", {}, state.box.organisation))),
    state.user ? navigation() : h("span", { class: "spring" }),
    h("div", { class: "bar-end" }, state.user && hasShifts() && shiftButton(), state.user && person(), state.user?.views.includes("alarms") && soundButton(), languageButton(),
      state.user && h("button", { type: "button", class: "ghost", onclick: signOut }, icon("out"), h("span", {}, t("app.sign-out"))))),
  state.user && lineNote());
}

function navigation() {
  return h("nav", { "aria-label": t("app.nav") }, h("ul", {}, state.user.views.filter((name) => NAV[name]).map((name) => {
    const { href, mark, label } = NAV[name];
    return h("li", {}, h("a", { href, "aria-current": section === name ? "page" : null }, icon(mark), h("span", {}, t(label)), name === "alarms" && badge(), name === "reports" && reportBadge()));
  })));
}

function badge() {
  const count = openAlarms();
  return count > 0 && h("span", { class: "badge" }, h("span", { "aria-hidden": "true" }, String(count)), h("span", { class: "unseen" }, ` (${t("nav.open-alarms", { n: count })})`));
}

function reportBadge() {
  return state.reports > 0 && h("span", { class: "badge" }, h("span", { "aria-hidden": "true" }, String(state.reports)), h("span", { class: "unseen" }, ` (${t("nav.open-reports", { n: state.reports })})`));
}

function person() {
  const { user } = state;
  return h("a", { class: "person", href: "#/accesso", title: t("account.title"), "aria-current": location.hash === "#/accesso" ? "page" : null }, icon("person"), h("span", {}, h("strong", {}, user.name), h("small", {}, [word("role", user.role), user.organisation_name].join(" · "))));
}

function languageButton() {
  const other = language() === "it" ? "en" : "it";
  return h("button", { type: "button", class: "ghost", lang: other, onclick: async () => { await choose(other); show(); header.querySelector("[data-language]")?.focus(); }, data: { language: "" } }, t("app.other-language"));
}

function soundButton() {
  const on = soundOn();
  return h("button", { type: "button", class: "ghost", "aria-pressed": String(on), data: { sound: "" }, onclick: () => {
    bell.want(!on);
    drawHeader();
    header.querySelector("[data-sound]").focus();
  } }, icon(on ? "sound" : "mute"), h("span", {}, t(on ? "app.sound.on" : "app.sound.off")));
}

/** Says that the line is cut, and how old what is shown may be; the age itself is not read out each second. */
function lineNote() {
  return state.line === "waiting" && h("div", { class: "line-note" }, h("p", { role: "status" }, icon("fault"), h("span", {}, t("app.line.waiting"))), h("p", { class: "line-age" }, lineAge()));
}

const lineAge = () => (state.heard ? t("app.line.age", { span: ago(state.heard) }) : "");

setInterval(() => {
  const age = header.querySelector(".line-age");
  if (age) age.textContent = lineAge();
}, 1000);

let lineWas = "off";

function onChange(what, detail) {
  if (!state.user) return;
  if (what === "line") {
    if (state.line === "live" && lineWas === "waiting") say(t("app.line.back"));
    if (state.line !== "off") lineWas = state.line;
  }
  if (what === "new-alarm") announce(detail);
  if (what === "owner") ownerNews(detail);
  if (what === "incident") incidentNews(detail);
  if (what === "report") { reportNews(detail); learnReports(); }
  if (what === "line" && state.line === "live") learnReports();
  if (what === "ledger") detail ? sayAltered(detail.altered) : learnLedger();
  if (what === "alarms" || what === "line" || what === "shift") redrawHeader();
  setTitle();
}

/** Draws the header anew without taking the focus from whoever is in it. */
function redrawHeader() {
  const inside = [...header.querySelectorAll("a, button")];
  const at = inside.indexOf(document.activeElement);
  drawHeader();
  if (at >= 0) header.querySelectorAll("a, button")[at]?.focus();
}

function announce(alarmView) {
  if (!isAudible(alarmView, state.user)) return;
  const words = t("alarms.new", { rule: word("rule", alarmView.rule), name: alarmView.camera_name, severity: t(`severity.${alarmView.severity}`) });
  say(alarmView.exercise ? `${t("alarms.exercise")}. ${words}` : words, { urgent: true });
}

/** Shows the desk with the focus on the first alarm that nobody answered: one key, then Enter. */
function goFirst() {
  if (!state.user?.views.includes("alarms")) return false;
  if (!toAnswer(alarmsNewestFirst()).length) {
    say(t("desk.none-to-answer"));
    return true;
  }
  if (location.hash !== NAV.alarms.href) {
    history.pushState(null, "", NAV.alarms.href);
    show();
  }
  view.first?.();
  return true;
}

/** Opens the wall: one key from every page. */
function goWall() {
  if (!state.user?.purposes.length || !state.user.views.includes("cameras")) return false;
  location.hash = "#/parete";
  return true;
}

/** Tells the owner of an emergency look at once; ordinary ones only stand on the page. */
function ownerNews(look) {
  const flags = look.flags ?? [];
  if (!(flags.includes("break-glass") || look.kind === "break-glass" || look.break_glass)) return;
  const words = t("mine.alert.new", { name: look.camera_name || look.camera, who: look.organisation_name || look.organisation || "" });
  say(words, { urgent: true });
  const close = () => toast.remove();
  const toast = h("div", { class: "toast" }, icon("fault"), h("div", {}, h("p", {}, words)),
    h("a", { class: "button alarm", href: "#/i-miei-impianti", onclick: close }, t("alarms.open")));
  document.getElementById("toasts").append(toast);
}

/** Tells of what another room does in an incident that is not on the screen. */
function incidentNews({ id, what, by }) {
  const told = { message: "incidents.news.message", shared: "incidents.news.shared", "handed-over": "incidents.news.handed-over", opened: "incidents.news.shared" }[what];
  if (!told || by === state.user.organisation || location.hash === `#/interventi/${id}`) return;
  say(t(told));
  const close = () => toast.remove();
  const toast = h("div", { class: "toast toast-calm" }, icon("incident"), h("div", {}, h("p", {}, t(told))),
    h("a", { class: "button primary", href: `#/interventi/${id}`, onclick: close }, t("incidents.show")));
  document.getElementById("toasts").append(toast);
  setTimeout(() => { if (!toast.contains(document.activeElement)) close(); }, TOAST_MS);
}

/** Asks how many reports wait for us; the number stands beside the page's name. */
async function learnReports() {
  if (!state.user?.views.includes("reports")) return;
  const known = await get("/api/reports?state=open&limit=500").catch(() => null);
  const waiting = known ? known.reports.filter((one) => one.may_ack).length : state.reports;
  if (waiting === state.reports) return;
  state.reports = waiting;
  redrawHeader();
}

/** Tells of a report, or of the answer to one, that somebody else wrote. */
function reportNews({ number, what, by, urgent, exercise }) {
  const told = { received: urgent ? "reports.news.urgent" : "reports.news", routed: "reports.news", answered: "reports.news.answer" }[what];
  if (!told || by === state.user.organisation || !state.user.views.includes("reports")) return;
  const words = t(told, { number });
  say(exercise ? `${t("alarms.exercise")}. ${words}` : words, { urgent: Boolean(urgent) });
  bell.chime(urgent ? URGENT_REPORT : REPORT);
  if (location.hash === "#/segnalazioni") return;
  const close = () => toast.remove();
  const toast = h("div", { class: urgent ? "toast" : "toast toast-calm" }, icon("message"), h("div", {}, exercise && h("p", {}, h("span", { class: "stamp stamp-inline" }, t("alarms.exercise"))), h("p", {}, words)),
    h("a", { class: `button ${urgent ? "alarm" : "primary"}`, href: "#/segnalazioni", "aria-label": t("reports.news.show"), onclick: close }, t("incidents.show")));
  document.getElementById("toasts").append(toast);
  setTimeout(() => { if (!toast.contains(document.activeElement)) close(); }, TOAST_MS);
}

/** A shift ends by the clock: the header says so without being asked. */
setInterval(() => {
  if (!state.user || !header.querySelector("[data-shift]") || order()) return;
  redrawHeader();
  say(t("shift.over"));
}, 20_000);

begin();
