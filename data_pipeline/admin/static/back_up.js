// Back up now.

import { call } from "/panel/api.js";
import { extent } from "/panel/back_up_tables.js";
import { configuration } from "/panel/configuration.js";
import { choice, dialog, field, group, select, typedName } from "/panel/controls.js";
import { databaseSelect } from "/panel/database.js";
import { el } from "/panel/dom.js";
import { address, go } from "/panel/router.js";
import { t } from "/panel/text.js";

export async function backUp(tasks) {
  const { database, storages, targets } = await configuration();
  const action = el("button", { type: "submit", class: "primary" }, t("back up"));
  const emptying = truncation(database, targets, action);
  const what = extent([emptying]);
  const content = [
    field(t("where"), select([["", t("whole system")], ...tasks.map((name) => [name, name])], "", null, { name: "task" })),
    Object.keys(targets).length > 0 && field(t("database"), databaseSelect(database, targets)),
    what.node,
    group(t("format"),
      choice("radio", "format", "csv", "csv", { hint: t("format.csv"), checked: true }),
      choice("radio", "format", "binary", "binary", { hint: t("format.binary") }),
      choice("checkbox", "compression", "zstd", t("compress"), { hint: t("compress.hint") })),
    storages.length > 1 && group(t("storages"), storages.map((name, n) => choice("checkbox", "storage", name, name, { checked: n === 0 }))),
    el("details", {}, el("summary", {}, t("more options")),
      field(t("probes"), el("input", { type: "number", name: "probes", min: 0, max: 100, value: "0" }), t("probes.hint")),
      emptying),
  ];
  dialog(t("back up now"), content, action, async (form) => {
    const job = await call("POST", "/backup", bodyOf(form, what));
    go(address(["jobs", job.job_id]));
  });
  action.form.elements.target?.addEventListener("change", what.forget);
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

function bodyOf(form, what) {
  const given = new FormData(form);
  return {
    async: true,
    task_id: given.get("task") || null,
    pg_conn: given.get("target") || null,
    format: given.get("format"),
    compression: given.get("compression") || "none",
    ...what.bodyOf(given),
    probes: Number(given.get("probes")),
    storages: form.querySelector("[name=storage]") ? given.getAll("storage") : null,
    truncate_vector_tables: given.get("extent") !== "tables" && given.get("truncate") === "yes",
  };
}
