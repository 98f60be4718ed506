// Whole databases: out as a file, in from one, and as a backup.

import { BASE, call, events } from "/panel/api.js";
import { configuration } from "/panel/configuration.js";
import { busy, choice, field, group, link, typedName, writeButton, writeLink } from "/panel/controls.js";
import { databaseSelect } from "/panel/database.js";
import { announce, el, show } from "/panel/dom.js";
import { problem } from "/panel/problem.js";
import { address, go } from "/panel/router.js";
import { importOutcome } from "/panel/store_outcome.js";
import { t } from "/panel/text.js";

const EXPORT = "/api/admin/database/export";
const IMPORT = "/api/admin/database/import";

export async function databasesView(_parameters, _query, signal) {
  const config = await configuration(signal);
  const node = el("div", { class: "page narrow" }, el("p", {}, link(t("back to backups"), address(["backups"]))),
    el("h1", {}, t("whole databases")), el("p", {}, t("databases.what")),
    exporting(config), importing(config, signal));
  return { title: t("whole databases"), node };
}

const chosenTarget = ({ database, targets }) => (Object.keys(targets).length ? field(t("database"), databaseSelect(database, targets)) : null);

// What of the logs goes along: out in a file that the browser takes, or into a set.
function exporting(config) {
  const trouble = el("div", { class: "trouble" });
  const file = writeLink(t("databases.export"), EXPORT, "button", { download: "" });
  const save = writeButton(t("databases.save"), () => busy(save, () => saved(form)).catch((error) => show(trouble, problem(error))), { kind: "primary" });
  const change = () => {
    const given = new FormData(form);
    const query = new URLSearchParams({ excludeLogs: String(given.has("exclude_logs")), ...(given.get("target") && { target: given.get("target") }) });
    file.setAttribute("href", `${EXPORT}?${query}`);
  };
  const form = el("form", { class: "card", on: { change, submit: (event) => event.preventDefault() } },
    el("h2", {}, t("databases.out")),
    chosenTarget(config),
    choice("checkbox", "exclude_logs", "yes", t("databases.exclude logs"), { hint: t("databases.exclude logs.hint") }),
    el("div", { class: "actions" }, file, save), trouble);
  return form;
}

async function saved(form) {
  const given = new FormData(form);
  const body = { target: given.get("target") || null, exclude_logs: given.has("exclude_logs"), async: true };
  const job = await call("POST", "/databases/backup", body, { prefix: BASE });
  go(address(["jobs", job.job_id]));
}

function importing(config, signal) {
  const place = el("div", { "aria-live": "polite" });
  const confirm = el("div", {});
  const submit = writeButton(t("databases.import"), () => {}, { kind: "primary" });
  if (!submit.hasAttribute("aria-disabled")) submit.type = "submit";
  const nameOf = () => {
    const chosen = form.elements.target?.value;
    return (chosen ? config.targets[chosen] : config.database)?.dbname ?? "";
  };
  const change = (event) => {
    if (!["mode", "target"].includes(event.target.name)) return;
    const clean = form.elements.mode.value === "clean";
    submit.disabled = false;
    submit.classList.toggle("danger", clean);
    show(confirm, clean && [el("p", { class: "loss" }, t("databases.clean.loss")), typedName(t("type database", { name: nameOf() }), nameOf(), submit)]);
  };
  const send = (event) => {
    event.preventDefault();
    if (!submit.disabled) busy(submit, () => brought(form, place, signal));
  };
  const form = el("form", { class: "card", on: { change, submit: send } },
    el("h2", {}, t("databases.in")),
    field(t("databases.file"), el("input", { type: "file", name: "file", required: true, accept: ".dump" }), t("databases.file.hint")),
    chosenTarget(config),
    group(t("choose.how"),
      choice("radio", "mode", "merge", t("databases.merge"), { hint: t("databases.merge.hint"), checked: true }),
      choice("radio", "mode", "clean", t("databases.clean"), { hint: t("databases.clean.hint") })),
    choice("checkbox", "skip_logs", "yes", t("databases.skip logs")),
    choice("checkbox", "trusted", "yes", t("databases.trusted"), { hint: t("databases.trusted.hint") }),
    confirm, el("div", { class: "actions" }, submit), place);
  return form;
}

// Leaving the page ends the import, as closing the browser does.
async function brought(form, place, signal) {
  const given = new FormData(form);
  const body = new FormData();
  body.append("cleanFirst", String(given.get("mode") === "clean"));
  body.append("skipLogs", String(given.has("skip_logs")));
  body.append("trusted", String(given.has("trusted")));
  if (given.get("target")) body.append("target", given.get("target"));
  body.append("file", given.get("file"));
  const bar = el("progress", { max: 100, "aria-label": t("progress") });
  const text = el("p", { class: "phase" });
  show(place, text, bar, el("p", { class: "hint" }, t("databases.stay")));
  try {
    for await (const event of events(IMPORT, body, signal)) {
      if (event.percent !== undefined) bar.value = event.percent;
      show(text, event.message);
      if (event.type === "progress") continue;
      announce(event.message);
      show(place, importOutcome(event));
    }
  } catch (error) {
    if (!signal.aborted) show(place, problem(error));
  }
}
