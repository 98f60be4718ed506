// Users: made, given a role, shut out, given another password, signed out, deleted.

import { BASE, call } from "/panel/api.js";
import { since } from "/panel/clock.js";
import { busy, choice, dialog, field, select, tell, typedName, writeButton } from "/panel/controls.js";
import { announce, el, redraw } from "/panel/dom.js";
import { newPassword } from "/panel/passwords.js";
import { problem } from "/panel/problem.js";
import { setupTabs } from "/panel/setup_tabs.js";
import { table } from "/panel/table.js";
import { number, t } from "/panel/text.js";

const ROLES = ["viewer", "operator", "admin"];
const path = (name, action = "") => `/users/${encodeURIComponent(name)}${action}`;
const ask = (method, url, body, signal) => call(method, url, body, { signal, prefix: BASE });

export async function usersView(_parameters, _query, signal) {
  const list = el("div", {});
  const again = async () => {
    const { users } = await ask("GET", "/users", undefined, signal);
    redraw(list, listing(users, again));
  };
  await again();
  const node = el("div", { class: "page" },
    el("div", { class: "title" }, el("h1", {}, t("users")), writeButton(t("create user"), () => create(again), { kind: "primary" })),
    setupTabs("users"), el("p", { class: "hint" }, t("users.what")), list);
  return { title: t("users"), node };
}

function listing(users, again) {
  if (!users.length) return el("div", { class: "empty" }, el("p", {}, t("no users")), el("p", { class: "hint" }, t("no users.hint")));
  return table(t("users"), [
    { key: "name", label: t("user name"), kind: "any", cell: (one) => one.name },
    { key: "role", label: t("role"), cell: (one) => [t(`role.${one.role}`), one.disabled && el("div", { class: "bad" }, t("disabled"))] },
    { key: "sessions", label: t("sessions"), numeric: true, cell: (one) => number(one.sessions) },
    { key: "signed in", label: t("signed in"), kind: "fixed", cell: (one) => (one.signed_in_at ? since(new Date(one.signed_in_at)) : "–") },
    { key: "actions", label: "", kind: "actions", cell: (one) => actions(one, again) },
  ], users);
}

function actions(one, again) {
  const named = (text) => ({ "aria-label": `${text} ${one.name}` });
  const out = writeButton(t("sign user out"), () => busy(out, () => signOut(one, again)), named(t("sign user out")));
  return [
    writeButton(t("change"), () => change(one, again), named(t("change"))),
    writeButton(t("reset password"), () => reset(one, again), named(t("reset password"))),
    one.sessions > 0 && out,
    writeButton(t("delete"), () => remove(one, again), named(t("delete"))),
  ];
}

const roleSelect = (role) => select(ROLES.map((name) => [name, t(`role.${name}`)]), role, null, { name: "role" });
const roleHint = () => t("roles.what");

function create(again) {
  const name = el("input", { type: "text", required: true, autocomplete: "off", spellcheck: "false", autocapitalize: "off" });
  const role = roleSelect("viewer");
  const password = newPassword();
  const action = el("button", { type: "submit", class: "primary" }, t("create user"));
  dialog(t("create user"), [field(t("user name"), name, t("user name.hint")), field(t("role"), role, roleHint()), password.nodes], action, async () => {
    await ask("POST", "/users", { name: name.value, role: role.value, password: password.value() });
    announce(t("saved"));
    await again();
  });
}

function change(one, again) {
  const role = roleSelect(one.role);
  const out = choice("checkbox", "disabled", "yes", t("disable user"), { hint: t("disable user.hint"), checked: one.disabled });
  const action = el("button", { type: "submit", class: "primary" }, t("save"));
  dialog(t("change of", { name: one.name }), [field(t("role"), role, roleHint()), out], action, async (form) => {
    await ask("PUT", path(one.name), { role: role.value, disabled: new FormData(form).has("disabled") });
    announce(t("saved"));
    await again();
  });
}

function reset(one, again) {
  const password = newPassword();
  const action = el("button", { type: "submit", class: "primary" }, t("reset password"));
  dialog(t("reset password of", { name: one.name }), [el("p", {}, t("reset password.what")), password.nodes], action, async () => {
    await ask("POST", path(one.name, "/password"), { password: password.value() });
    announce(t("saved"));
    await again();
  });
}

async function signOut(one, again) {
  try {
    const { ended } = await ask("POST", path(one.name, "/sign-out"));
    announce(t("sessions ended", { n: ended }));
    await again();
  } catch (error) {
    tell(t("sign user out"), problem(error));
  }
}

function remove(one, again) {
  const action = el("button", { type: "submit", class: "danger" }, t("delete"));
  const content = [el("p", { class: "loss" }, t("users.delete")), typedName(t("delete.type", { name: one.name }), one.name, action)];
  dialog(t("resource.delete", { name: one.name }), content, action, async () => {
    await ask("DELETE", path(one.name));
    announce(t("resource.deleted", { name: one.name }));
    await again();
  });
}
