// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// One's own sign-in: who am I here, and the second factor with its QR code.

import { post } from "../api.js";
import { confirmColleague } from "../glass.js";
import { fill, h, icon, say } from "../dom.js";
import { t, word } from "../i18n.js";
import { state } from "../state.js";

/** Shows the page. */
export function account(container) {
  const { user } = state;
  const place = h("div", { class: "stack" });
  const urls = [];
  const row = (label, value) => h("div", {}, h("dt", {}, label), h("dd", {}, value));
  container.append(
    h("div", { class: "page-head" }, h("h1", { tabindex: "-1" }, t("account.title"))),
    h("div", { class: "account-page" },
      h("section", { class: "panel" }, h("h2", {}, user.name),
        h("dl", { class: "facts-grid" }, row(t("account.user"), user.id), row(t("account.role"), word("role", user.role)), row(t("account.organisation"), user.organisation_name))),
      user.purposes.length > 0 && h("section", { class: "panel stack" }, h("h2", {}, t("second.confirm.title")), h("p", { class: "muted" }, t("second.confirm.lead")),
        h("div", {}, h("button", { type: "button", class: "quiet", onclick: confirmColleague }, icon("person"), t("second.enter")))),
      h("section", { class: "panel stack" }, h("h2", {}, icon("key"), ` ${t("totp.title")}`), place)));
  start(place, urls);
  return { title: t("account.title"), leave() { for (const url of urls) URL.revokeObjectURL(url); } };
}

/** Offers to enrol a phone; `done` gets the full session. */
export function start(place, urls, done = () => {}) {
  const problem = h("p", { class: "field-problem", role: "alert" });
  const enrol = h("button", { type: "button", class: "primary", onclick: async () => {
    enrol.disabled = true;
    try {
      offer(place, await post("/api/totp"), urls, done);
    } catch (error) {
      problem.textContent = error.message;
      enrol.disabled = false;
    }
  } }, icon("key"), t("totp.enrol"));
  fill(place, h("p", { class: "muted" }, t("totp.lead")), problem, h("div", {}, enrol));
}

/** Shows the secret as a picture and as letters, and waits for the first code. */
function offer(place, { secret, qr_svg: picture }, urls, done) {
  const url = URL.createObjectURL(new Blob([picture], { type: "image/svg+xml" }));
  urls.push(url);
  const code = codeField("totp-code");
  const problem = h("p", { class: "field-problem", id: "totp-problem", role: "alert" });
  const form = h("form", { class: "stack", novalidate: true, onsubmit: async (event) => {
    event.preventDefault();
    try {
      const session = await post("/api/totp/confirm", { code: code.value.replaceAll(/\s/g, "") });
      fill(place, h("p", { class: "outcome outcome-ok", tabindex: "-1" }, icon("check"), t("totp.done")));
      place.firstChild.focus();
      say(t("totp.done"));
      done(session);
    } catch (error) {
      problem.textContent = error.message;
      code.value = "";
      code.focus();
    }
  } },
  h("div", { class: "field" }, h("label", { for: "totp-code" }, t("totp.code")), code), problem,
  h("div", {}, h("button", { type: "submit", class: "primary" }, t("totp.confirm"))));
  fill(place, h("div", { class: "enrol" },
    h("img", { class: "qr", src: url, alt: t("totp.qr"), width: "220", height: "220" }),
    h("div", { class: "stack" },
      h("ol", { class: "plain-steps" }, ["totp.step.app", "totp.step.scan", "totp.step.code"].map((key) => h("li", {}, t(key)))),
      h("p", { class: "muted" }, `${t("totp.by-hand")} `, h("code", { class: "secret" }, secret.match(/.{1,4}/g).join(" "))), form)));
  code.focus();
}

/** Returns the field for six digits. */
export const codeField = (id, describedby = "totp-problem") => h("input", {
  id, name: "totp", class: "code-input", inputmode: "numeric", autocomplete: "one-time-code", maxlength: "8", required: true, "aria-describedby": describedby, pattern: "[0-9 ]*",
});
