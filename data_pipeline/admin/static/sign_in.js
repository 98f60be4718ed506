// Signing in with the token, which goes into the body of one request and nowhere else.

import { call, loadSession } from "/panel/api.js";
import { busy, field } from "/panel/controls.js";
import { el, show } from "/panel/dom.js";
import { problem } from "/panel/problem.js";
import { t } from "/panel/text.js";

// Puts the form in the place of the view; `done` is called once the session has begun.
export function signIn(done) {
  const token = el("input", { type: "password", autocomplete: "current-password", required: true, spellcheck: "false" });
  const action = el("button", { type: "submit", class: "primary" }, t("sign in"));
  const trouble = el("div", { class: "trouble" });
  const submit = async (event) => {
    event.preventDefault();
    try {
      await busy(action, () => call("POST", "/session", { token: token.value }));
      token.value = "";
      await loadSession();
      done();
    } catch (error) {
      show(trouble, problem(error));
      token.select();
    }
  };
  document.title = t("sign in");
  show(document.getElementById("main"), el("div", { class: "page narrow sign-in" },
    el("h1", {}, t("sign in")), el("p", {}, t("sign in.what")),
    el("form", { on: { submit } }, field(t("token"), token, t("token.hint")), trouble, el("div", { class: "actions" }, action))));
  token.focus();
}

export async function signOut() {
  await call("DELETE", "/session");
  await loadSession();
}
