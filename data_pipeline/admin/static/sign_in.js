// Signing in: a user's password or a token, which goes into the body of one request and nowhere else.

import { call, loadSession } from "/panel/api.js";
import { busy, field } from "/panel/controls.js";
import { el, show } from "/panel/dom.js";
import { problem } from "/panel/problem.js";
import { t } from "/panel/text.js";

// Puts the forms in the place of the view; `done` is called once the session has begun.
export function signIn(done) {
  const name = el("input", { type: "text", autocomplete: "username", required: true, spellcheck: "false", autocapitalize: "off" });
  const password = el("input", { type: "password", autocomplete: "current-password", required: true });
  const token = el("input", { type: "password", autocomplete: "off", required: true, spellcheck: "false" });
  document.title = t("sign in");
  show(document.getElementById("main"), el("div", { class: "page narrow sign-in" },
    el("h1", {}, t("sign in")),
    form([field(t("user name"), name), field(t("password"), password)], t("sign in"), "primary",
      () => ({ name: name.value, password: password.value }), [password], done),
    el("h2", {}, t("sign in.token")),
    form([field(t("token"), token, t("token.hint"))], t("sign in.with token"), "", () => ({ token: token.value }), [token], done)));
  name.focus();
}

// secrets: inputs that are emptied once they were right, and chosen again if not.
function form(fields, label, kind, body, secrets, done) {
  const action = el("button", { type: "submit", class: kind }, label);
  const trouble = el("div", { class: "trouble" });
  const submit = async (event) => {
    event.preventDefault();
    try {
      await busy(action, () => call("POST", "/session", body()));
      for (const one of secrets) one.value = "";
      await loadSession();
      done();
    } catch (error) {
      show(trouble, problem(error));
      secrets[0].select();
    }
  };
  return el("form", { on: { submit } }, fields, trouble, el("div", { class: "actions" }, action));
}

export async function signOut() {
  await call("DELETE", "/session");
  await loadSession();
}
