// A whole database's set restored: which database, and how.

import { BASE, call } from "/panel/api.js";
import { busy, choice, field, group, typedName, writeButton } from "/panel/controls.js";
import { databaseSelect } from "/panel/database.js";
import { el, show } from "/panel/dom.js";
import { problem } from "/panel/problem.js";
import { address, go } from "/panel/router.js";
import { stateOf, tagsOf } from "/panel/set_state.js";
import { setName } from "/panel/sets.js";
import { t } from "/panel/text.js";

export function databaseForm(set, { database, targets }) {
  const trouble = el("div", { class: "trouble" });
  const confirm = el("div", {});
  const swap = choice("checkbox", "swap", "yes", t("databases.swap"), { hint: t("databases.swap.hint") });
  const atomic = choice("checkbox", "atomic", "yes", t("databases.atomic"), { hint: t("databases.atomic.hint") });
  const submit = writeButton(t("restore"), () => {}, { kind: "primary" });
  if (!submit.hasAttribute("aria-disabled")) submit.type = "submit";
  const nameOf = () => {
    const chosen = form.elements.target?.value;
    return (chosen ? targets[chosen] : database)?.dbname ?? "";
  };
  const change = () => {
    const mode = form.elements.mode.value;
    swap.hidden = mode !== "new_database";
    atomic.hidden = mode !== "merge";
    const removes = mode === "clean" || (mode === "new_database" && form.elements.swap.checked);
    if (removes === (confirm.childElementCount > 0) && confirm.dataset.name === nameOf()) return;
    confirm.dataset.name = nameOf();
    submit.disabled = false;
    submit.classList.toggle("danger", removes);
    show(confirm, removes && [el("p", { class: "loss" }, t(mode === "clean" ? "databases.clean.loss" : "databases.swap.loss")), typedName(t("type database", { name: nameOf() }), nameOf(), submit)]);
  };
  const send = (event) => {
    event.preventDefault();
    if (!submit.disabled) busy(submit, () => started(form, set)).catch((error) => show(trouble, problem(error)));
  };
  const form = el("form", { on: { change, submit: send } },
    el("p", {}, setName(set), " ", stateOf(set), " ", tagsOf(set)),
    Object.keys(targets).length > 0 && field(t("choose.where"), databaseSelect(database, targets)),
    group(t("choose.how"),
      ["merge", "clean", "new_database"].map((mode, n) => choice("radio", "mode", mode, t(`databases.${mode}`), { hint: t(`databases.${mode}.hint`), checked: n === 0 })),
      swap, atomic),
    choice("checkbox", "skip_logs", "yes", t("databases.skip logs")),
    choice("checkbox", "create_roles", "yes", t("databases.create roles"), { hint: t("databases.create roles.hint") }),
    choice("checkbox", "trusted", "yes", t("databases.trusted"), { hint: t("databases.trusted.hint") }),
    confirm, el("div", { class: "actions" }, submit), trouble);
  swap.hidden = true;
  return form;
}

async function started(form, set) {
  const given = new FormData(form);
  const mode = given.get("mode");
  const body = {
    set: { backup_path: set.path, timestamp: set.timestamp },
    target: given.get("target") || null,
    mode,
    swap: mode === "new_database" && given.has("swap"),
    atomic: mode === "merge" && given.has("atomic") ? true : null,
    skip_logs: given.has("skip_logs"),
    create_roles: given.has("create_roles"),
    trusted: given.has("trusted"),
    async: true,
  };
  const job = await call("POST", "/databases/restore", body, { prefix: BASE });
  go(address(["jobs", job.job_id]));
}
