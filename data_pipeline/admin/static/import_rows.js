// A file of reference data merged into a table: first counted, then done.

import { BASE, call, Failure } from "/panel/api.js";
import { busy, button, choice, dialog, field, group, tell, typedName, writeButton } from "/panel/controls.js";
import { announce, el, show } from "/panel/dom.js";
import { fact, problem, serverText, warnings } from "/panel/problem.js";
import { number, t } from "/panel/text.js";

const COUNTS = ["entries", "inserted", "updated", "unchanged", "kept", "removed"];
const MODES = ["update", "skip", "replace"];
const KINDS = ["table", "partitioned"];

export const takesRows = (one) => KINDS.includes(one.kind) && (one.primary_key.length > 0 || one.indexes.some((index) => index.unique));

// one: the table. done: told once rows were written.
export function importButton(one, name, target, done) {
  return writeButton(t("import rows"), () => open(one, name, target, done), { "aria-label": t("import rows.into", { name }) });
}

function open(one, name, target, done) {
  const outcome = el("div", { "aria-live": "polite" });
  const confirm = el("div", {});
  const action = el("button", { type: "submit", class: "primary" }, t("import rows"));
  const send = (rehearsal) => call("POST", `/tables/${encodeURIComponent(name)}/import`, formOf(action.form, target, rehearsal), { prefix: BASE });
  const count = button(t("import rows.count"), () => action.form.reportValidity() && busy(count, async () => {
    show(outcome, told(await send(true), "import rows.would"));
  }).catch((error) => {
    if (!(error instanceof Failure)) throw error;
    show(outcome, problem(error));
  }));
  const change = (event) => {
    show(outcome);
    if (event.target.name !== "mode") return;
    const replaces = event.target.value === "replace";
    action.disabled = false;
    action.classList.toggle("danger", replaces);
    show(confirm, replaces && [el("p", { class: "loss" }, t("import rows.loss")), typedName(t("import rows.type", { name }), name, action)]);
  };
  dialog(t("import rows.into", { name }), [fields(one, change), confirm, count, outcome], action, async () => {
    const answer = await send(false);
    announce(serverText(answer.response));
    await done();
    tell(t("import rows.into", { name }), el("p", { class: "good" }, serverText(answer.response)), told(answer));
  });
}

function fields(one, change) {
  const plain = { autocomplete: "off", spellcheck: "false" };
  const keep = el("textarea", { name: "keep", rows: 2, placeholder: "source = manual", ...plain });
  return el("div", { on: { change } },
    field(t("file"), el("input", { type: "file", name: "file", required: true, accept: ".json,.jsonl,.toml,.csv" }), t("import rows.file.hint")),
    field(t("import rows.key"), el("input", { type: "text", name: "key", placeholder: one.primary_key.join(", "), ...plain }), t("import rows.key.hint")),
    group(t("choose.how"), MODES.map((mode, n) => choice("radio", "mode", mode, t(`import rows.${mode}`), { hint: t(`import rows.${mode}.hint`), checked: n === 0 }))),
    field(t("import rows.keep"), keep, t("import rows.keep.hint")),
    field(t("import rows.overwrite"), el("textarea", { name: "overwrite", rows: 2, ...plain }), t("import rows.overwrite.hint")));
}

function formOf(form, target, rehearsal) {
  const given = new FormData(form);
  const body = new FormData();
  for (const column of given.get("key").split(",").map((part) => part.trim()).filter(Boolean)) body.append("key", column);
  const keep = linesOf(given.get("keep")).map((line) => line.split(/\s*=\s*(.*)/s, 2));
  const overwrite = linesOf(given.get("overwrite"));
  body.append("mode", given.get("mode"));
  body.append("dry_run", String(rehearsal));
  if (keep.length) body.append("keep", JSON.stringify(Object.fromEntries(keep.map(([column, text = ""]) => [column, valueOf(text)]))));
  if (overwrite.length) body.append("overwrite", JSON.stringify(overwrite.map(valueOf)));
  if (target) body.append("target", target);
  body.append("file", given.get("file"));
  return body;
}

// A text, unless it is JSON: `true`, `3`, `"3"`, `null`, or an array for a key of several columns.
function valueOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const linesOf = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);

function told(answer, title = null) {
  return el("section", { class: "counts" }, title && el("p", { class: "note" }, t(title)), counts(answer), warnings(answer.warnings));
}

export function counts(answer) {
  return el("dl", { class: "facts small" }, COUNTS.map((what) => fact(t(`import rows.${what}`), number(answer[what]))));
}
