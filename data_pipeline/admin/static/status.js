// Health and settings, to be read.

import { call, Failure } from "/panel/api.js";
import { configuration } from "/panel/configuration.js";
import { button } from "/panel/controls.js";
import { databaseName } from "/panel/database.js";
import { el, show } from "/panel/dom.js";
import { fact, problem, warnings } from "/panel/problem.js";
import { table } from "/panel/table.js";
import { t } from "/panel/text.js";

export async function statusView(_parameters, _query, signal) {
  const config = await configuration(signal);
  const health = el("div", { role: "status" });
  const look = async () => show(health, await checks(signal).catch((error) => signal.aborted || problem(error)));
  await look();
  const node = el("div", { class: "page" },
    el("div", { class: "title" }, el("h1", {}, t("status")), button(t("look again"), look)),
    health,
    el("h2", {}, t("places")),
    el("dl", { class: "facts card" },
      fact(t("version"), config.version),
      fact(t("database"), config.database ? databaseName(config.database) : t("target.unknown")),
      fact(t("targets"), Object.entries(config.targets).map(([name, target]) => el("p", {}, databaseName(target, "target", { name }))), !Object.keys(config.targets).length && "–"),
      fact(t("storages"), config.storages.join(", "))),
    el("h2", {}, t("settings")), el("p", { class: "hint" }, t("settings.hint")), settings(config.settings));
  return { title: t("status"), node };
}

// What /readyz says, also where it says no.
async function checks(signal) {
  let answer;
  try {
    answer = await call("GET", "/readyz", undefined, { signal, prefix: "" });
  } catch (error) {
    if (!(error instanceof Failure) || !error.data.checks) throw error;
    answer = error.data;
  }
  return [
    el("ul", { class: "checks" }, Object.entries(answer.checks).map(([name, good]) =>
      el("li", { class: good ? "good" : "bad" }, el("span", { "aria-hidden": "true" }, good ? "✓ " : "✕ "),
        t(`health.${name}`), ": ", t(good ? "health.good" : "health.bad")))),
    warnings(answer.warnings),
  ];
}

function settings(values) {
  const columns = [
    { key: "name", label: t("setting"), cell: ([name]) => el("code", {}, name) },
    { key: "value", label: t("value"), kind: "any", cell: ([, value]) => told(value) },
  ];
  return table(t("settings"), columns, Object.entries(values));
}

function told(value) {
  if (value === null || value === "" || (Array.isArray(value) && !value.length)) return "–";
  if (value === "set") return t("is set");
  if (Array.isArray(value)) return value.join(", ");
  if (typeof value === "object") return "dbname" in value ? databaseName(value) : Object.entries(value).map(([name, kind]) => `${name}: ${kind}`).join(", ") || "–";
  return String(value);
}
