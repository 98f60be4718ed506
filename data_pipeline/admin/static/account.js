// A user's own account: password, sessions, tokens.

import { BASE, call, loadSession } from "/panel/api.js";
import { since } from "/panel/clock.js";
import { button, dialog, field, tell } from "/panel/controls.js";
import { announce, el, redraw } from "/panel/dom.js";
import { newPassword } from "/panel/passwords.js";
import { fact } from "/panel/problem.js";
import { table } from "/panel/table.js";
import { t } from "/panel/text.js";

const ask = (method, url, body, signal) => call(method, `/account${url}`, body, { signal, prefix: BASE });

export async function accountView(_parameters, _query, signal) {
  const list = el("div", {});
  const again = async () => {
    const { tokens } = await ask("GET", "/tokens", undefined, signal);
    redraw(list, listing(tokens, again));
  };
  const [user] = await Promise.all([ask("GET", "", undefined, signal), again()]);
  const node = el("div", { class: "page narrow" }, el("h1", {}, t("account")),
    el("dl", { class: "facts card" },
      fact(t("user name"), user.name), fact(t("role"), t(`role.${user.role}`)),
      fact(t("password since"), since(new Date(user.password_at)))),
    el("div", { class: "actions" },
      button(t("change password"), changePassword), button(t("sign out everywhere"), signOutEverywhere)),
    el("div", { class: "title" }, el("h2", {}, t("tokens")), button(t("create token"), () => create(again), { kind: "primary" })),
    el("p", { class: "hint" }, t("tokens.what")), list);
  return { title: t("account"), node };
}

function listing(tokens, again) {
  if (!tokens.length) return el("p", { class: "empty" }, t("no tokens"));
  return table(t("tokens"), [
    { key: "name", label: t("name"), kind: "any", cell: (one) => one.name },
    { key: "created", label: t("created"), kind: "fixed", cell: (one) => since(new Date(one.created_at)) },
    { key: "used", label: t("used"), kind: "fixed", cell: (one) => (one.used_at ? since(new Date(one.used_at)) : "–") },
    { key: "ends", label: t("ends"), kind: "fixed", cell: (one) => (one.expires_at ? since(new Date(one.expires_at)) : t("never")) },
    { key: "actions", label: "", kind: "actions", cell: (one) => button(t("delete"), () => remove(one, again), { "aria-label": `${t("delete")} ${one.name}` }) },
  ], tokens);
}

function create(again) {
  const name = el("input", { type: "text", required: true, pattern: "[A-Za-z0-9][A-Za-z0-9._\\-]{0,63}", autocomplete: "off" });
  const days = el("input", { type: "number", min: 1, max: 3650, value: 90 });
  const action = el("button", { type: "submit", class: "primary" }, t("create token"));
  dialog(t("create token"), [field(t("name"), name, t("token.name.hint")), field(t("token.days"), days, t("token.days.hint"))], action, async () => {
    const made = await ask("POST", "/tokens", { name: name.value, days: days.value ? Number(days.value) : null });
    await again();
    tell(t("token of", { name: made.name }), el("p", {}, t("token.once")), el("pre", {}, made.secret));
  });
}

function remove(one, again) {
  const action = el("button", { type: "submit", class: "danger" }, t("delete"));
  dialog(t("resource.delete", { name: one.name }), el("p", { class: "loss" }, t("token.delete")), action, async () => {
    await ask("DELETE", `/tokens/${encodeURIComponent(one.name)}`);
    announce(t("resource.deleted", { name: one.name }));
    await again();
  });
}

function changePassword() {
  const current = el("input", { type: "password", autocomplete: "current-password", required: true });
  const password = newPassword();
  const action = el("button", { type: "submit", class: "primary" }, t("change password"));
  dialog(t("change password"), [el("p", {}, t("change password.what")), field(t("current password"), current), password.nodes], action, async () => {
    await ask("POST", "/password", { current_password: current.value, password: password.value() });
    await loadSession();
    announce(t("saved"));
  });
}

function signOutEverywhere() {
  const action = el("button", { type: "submit", class: "primary" }, t("sign out everywhere"));
  dialog(t("sign out everywhere"), el("p", {}, t("sign out everywhere.what")), action, async () => {
    await ask("POST", "/sign-out");
    document.dispatchEvent(new Event("signed-out"));
  });
}
