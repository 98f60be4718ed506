// The first admin, made by the link that the first start has printed.

import { BASE, call, loadSession } from "/panel/api.js";
import { busy, field } from "/panel/controls.js";
import { el, show } from "/panel/dom.js";
import { newPassword } from "/panel/passwords.js";
import { problem } from "/panel/problem.js";
import { t } from "/panel/text.js";

const PLACE = "#/first/";

export function firstLink() {
  return location.hash.startsWith(PLACE) ? location.hash.slice(PLACE.length) : "";
}

export function firstAdmin(done) {
  const name = el("input", { type: "text", autocomplete: "username", required: true, spellcheck: "false", autocapitalize: "off" });
  const password = newPassword();
  const action = el("button", { type: "submit", class: "primary" }, t("create admin"));
  const trouble = el("div", { class: "trouble" });
  const submit = async (event) => {
    event.preventDefault();
    try {
      const body = { link: firstLink(), name: name.value, password: password.value() };
      await busy(action, () => call("POST", "/users/first", body, { prefix: BASE }));
      history.replaceState(null, "", "#/overview");
      await loadSession();
      done();
    } catch (error) {
      show(trouble, problem(error));
    }
  };
  document.title = t("create admin");
  show(document.getElementById("main"), el("div", { class: "page narrow sign-in" }, el("h1", {}, t("create admin")),
    el("p", {}, t("create admin.what")),
    el("form", { on: { submit } }, field(t("user name"), name, t("user name.hint")), password.nodes, trouble, el("div", { class: "actions" }, action))));
  name.focus();
}
