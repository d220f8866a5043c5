// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// Signing in: name and password, a second factor where one is due, or the organisation's own account.

import { post } from "../api.js";
import { h, icon, say } from "../dom.js";
import { addAccounts } from "../exercise.js";
import { t } from "../i18n.js";
import { state } from "../state.js";
import { codeField, start } from "./account.js";

const SECOND_FACTOR = "totp-needed";

/** Shows the sign-in form; `onSession` gets the session, `note` is said above it. */
export function signIn(container, { onSession, note }) {
  const user = h("input", { id: "user", name: "username", autocomplete: "username", autocapitalize: "none", spellcheck: "false", required: true, maxlength: "64" });
  const password = h("input", { id: "password", name: "password", type: "password", autocomplete: "current-password", required: true, maxlength: "1024", "aria-describedby": "sign-in-problem" });
  const show = h("input", { type: "checkbox", id: "show", onchange: () => { password.type = show.checked ? "text" : "password"; } });
  const code = codeField("totp", "totp-hint sign-in-problem");
  const problem = h("p", { class: "field-problem", id: "sign-in-problem", role: "alert" });
  const submit = h("button", { type: "submit", class: "primary large" }, t("sign-in.submit"));
  const first = h("div", { class: "stack" },
    h("div", { class: "field" }, h("label", { for: "user" }, t("sign-in.user")), user),
    h("div", { class: "field" }, h("label", { for: "password" }, t("sign-in.password")), password),
    h("div", { class: "check" }, show, h("label", { for: "show" }, t("sign-in.show"))));
  const second = h("div", { class: "stack", hidden: true },
    h("div", { class: "field" }, h("label", { for: "totp" }, t("sign-in.totp")), code, h("p", { class: "muted hint", id: "totp-hint" }, t("sign-in.totp.hint"))),
    h("button", { type: "button", class: "link", onclick: () => step(false) }, icon("back"), t("sign-in.totp.back")));
  const others = providers();
  const step = (due) => {
    first.hidden = due;
    second.hidden = !due;
    others.hidden = due || !others.childElementCount;
    code.value = "";
    problem.textContent = "";
    if (!due) password.value = "";
    (due ? code : user).focus();
    if (due) say(t("sign-in.totp.hint"));
  };
  const busy = (on) => {
    submit.disabled = on;
    submit.textContent = t(on ? "sign-in.busy" : "sign-in.submit");
  };
  const form = h("form", { class: "stack", novalidate: true }, note && h("p", { class: "notice", role: "status" }, note), first, second, problem, submit);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    busy(true);
    problem.textContent = "";
    const factor = second.hidden ? {} : { totp: code.value.replaceAll(/\s/g, "") };
    try {
      const session = await post("/api/session", { user: user.value.trim() || "?", password: password.value || "?", ...factor });
      if (session.enrol && !session.user) enrol(form, onSession);
      else onSession(session);
    } catch (error) {
      busy(false);
      if (error.code === SECOND_FACTOR && second.hidden) {
        step(true);
        return;
      }
      problem.textContent = error.message;
      if (!second.hidden) {
        code.value = "";
        code.focus();
        return;
      }
      password.value = "";
      (user.value ? password : user).focus();
    }
  });
  container.append(h("section", { class: "gate" },
    h("div", { class: "gate-side", "aria-hidden": "true" }, h("img", { src: "/static/mark.svg", alt: "", width: "72", height: "72" }), h("p", { class: "gate-name" }, "Varco")),
    h("div", { class: "gate-form" },
      h("h1", { tabindex: "-1" }, t("sign-in.title")),
      h("p", { class: "muted" }, t("sign-in.lead", { box: state.box.name })),
      form, others,
      h("p", { class: "gate-note" }, icon("shield"), h("span", {}, t("sign-in.note"))))));
  user.focus();
  addAccounts(container, onSession);
  return { title: t("sign-in.title"), focus: false, leave() {} };
}

/** An account that must have a second factor, and has none yet: it is enrolled before anything else. */
function enrol(form, onSession) {
  const place = h("div", { class: "stack" });
  const title = h("h2", { tabindex: "-1" }, t("sign-in.enrol"));
  form.closest(".gate-form").querySelector(".providers").hidden = true;
  form.replaceWith(h("div", { class: "stack" }, title, h("p", { class: "muted hint" }, t("sign-in.enrol.lead")), place));
  start(place, [], onSession);
  title.focus();
}

/** The accounts of the organisation's identity provider, where one is configured. */
function providers() {
  const known = state.oidc ?? [];
  const next = encodeURIComponent(`/${location.hash}`);
  return h("div", { class: "providers", hidden: !known.length }, known.map(({ name, title }) =>
    h("a", { class: "button quiet large", href: `/api/oidc/login?next=${next}&provider=${encodeURIComponent(name)}` }, icon("key"), t("sign-in.oidc", { name: title || name }))));
}
