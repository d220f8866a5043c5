// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2

import { post } from "../api.js";
import { h, icon } from "../dom.js";
import { addAccounts } from "../exercise.js";
import { t } from "../i18n.js";
import { state } from "../state.js";

/** Shows the sign-in form; `onSession` gets the session, `note` is said above it. */
export function signIn(container, { onSession, note }) {
  const user = h("input", { id: "user", name: "username", autocomplete: "username", autocapitalize: "none", spellcheck: "false", required: true, maxlength: "64" });
  const password = h("input", { id: "password", name: "password", type: "password", autocomplete: "current-password", required: true, maxlength: "1024", "aria-describedby": "sign-in-problem" });
  const show = h("input", { type: "checkbox", id: "show", onchange: () => { password.type = show.checked ? "text" : "password"; } });
  const problem = h("p", { class: "field-problem", id: "sign-in-problem", role: "alert" });
  const submit = h("button", { type: "submit", class: "primary large" }, t("sign-in.submit"));
  const form = h("form", { class: "stack", novalidate: true },
    note && h("p", { class: "notice", role: "status" }, note),
    h("div", { class: "field" }, h("label", { for: "user" }, t("sign-in.user")), user),
    h("div", { class: "field" }, h("label", { for: "password" }, t("sign-in.password")), password),
    h("div", { class: "check" }, show, h("label", { for: "show" }, t("sign-in.show"))),
    problem, submit);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    submit.textContent = t("sign-in.busy");
    problem.textContent = "";
    try {
      onSession(await post("/api/session", { user: user.value.trim() || "?", password: password.value || "?" }));
    } catch (error) {
      problem.textContent = error.message;
      password.value = "";
      (user.value ? password : user).focus();
      submit.disabled = false;
      submit.textContent = t("sign-in.submit");
    }
  });
  container.append(h("section", { class: "gate" },
    h("div", { class: "gate-side", "aria-hidden": "true" }, h("img", { src: "/static/mark.svg", alt: "", width: "72", height: "72" }), h("p", { class: "gate-name" }, "Varco")),
    h("div", { class: "gate-form" },
      h("h1", { tabindex: "-1" }, t("sign-in.title")),
      h("p", { class: "muted" }, t("sign-in.lead", { box: state.box.name })),
      form,
      h("p", { class: "gate-note" }, icon("shield"), h("span", {}, t("sign-in.note"))))));
  user.focus();
  addAccounts(container, onSession);
  return { title: t("sign-in.title"), focus: false, leave() {} };
}
