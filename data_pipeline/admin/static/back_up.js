// Back up now.

import { call } from "/panel/api.js";
import { configuration } from "/panel/configuration.js";
import { choice, dialog, field, group, select, typedName } from "/panel/controls.js";
import { databaseSelect } from "/panel/database.js";
import { el } from "/panel/dom.js";
import { address, go } from "/panel/router.js";
import { t } from "/panel/text.js";

export async function backUp(sets) {
  const { database, storages, targets } = await configuration();
  const tasks = [...new Set(sets.map((set) => set.location))].filter((name) => name !== "global");
  const action = el("button", { type: "submit", class: "primary" }, t("back up"));
  const content = [
    field(t("where"), select([["", t("whole system")], ...tasks.map((name) => [name, name])], "", null, { name: "task" })),
    Object.keys(targets).length > 0 && field(t("database"), databaseSelect(database, targets)),
    group(t("format"),
      choice("radio", "format", "csv", "csv", { hint: t("format.csv"), checked: true }),
      choice("radio", "format", "binary", "binary", { hint: t("format.binary") })),
    storages.length > 1 && group(t("storages"), storages.map((name, n) => choice("checkbox", "storage", name, name, { checked: n === 0 }))),
    el("details", {}, el("summary", {}, t("more options")),
      field(t("collections"), el("textarea", { name: "collections", rows: 3 }), t("collections.hint")),
      field(t("probes"), el("input", { type: "number", name: "probes", min: 0, max: 100, value: "0" }), t("probes.hint")),
      truncation(database, targets, action)),
  ];
  dialog(t("back up now"), content, action, async (form) => {
    const job = await call("POST", "/backup", bodyOf(form));
    go(address(["jobs", job.job_id]));
  });
}

// Emptying the table needs the name of the database it is in.
function truncation(database, targets, action) {
  const place = el("div", {});
  const nameOf = () => {
    const chosen = action.form.elements.target?.value;
    return (chosen ? targets[chosen] : database)?.dbname ?? "";
  };
  const change = () => {
    const wanted = action.form.elements.truncate.checked;
    action.disabled = false;
    action.classList.toggle("danger", wanted);
    place.replaceChildren(...(wanted
      ? [el("p", { class: "loss" }, t("truncate.loss")), typedName(t("type database", { name: nameOf() }), nameOf(), action)]
      : []));
  };
  queueMicrotask(() => action.form?.elements.target?.addEventListener("change", change));
  return el("div", {}, choice("checkbox", "truncate", "yes", t("truncate"), { hint: t("truncate.hint"), change }), place);
}

function bodyOf(form) {
  const given = new FormData(form);
  const collections = given.get("collections").split("\n").map((line) => line.trim()).filter(Boolean);
  const storages = given.getAll("storage");
  return {
    async: true,
    task_id: given.get("task") || null,
    pg_conn: given.get("target") || null,
    format: given.get("format"),
    collections: collections.length ? collections : null,
    probes: Number(given.get("probes")),
    storages: form.querySelector("[name=storage]") ? storages : null,
    truncate_vector_tables: given.get("truncate") === "yes",
  };
}
