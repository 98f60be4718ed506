// Fields of forms, made of what describes them, and what was given in them.
//
// A field: {name, type, label, hint, required, value, options(page), of, …}. A dot in its name leads into an object of
// the request. label: the key of its text, `field.<name>` if absent; hint: its text has one, under the label's key with
// .hint. of: only for these kinds of what the form is about.

import { choice, field, group, select } from "/panel/controls.js";
import { el, freshId } from "/panel/dom.js";
import { t } from "/panel/text.js";

// config: what the values are taken from, by the fields' names; secrets: the names of those that are stored already.
export function control(each, page, config = {}, secrets = []) {
  const node = MAKERS[each.type]?.(each, page, valueAt(config, each.name), secrets) ?? textField(each, page, valueAt(config, each.name));
  return each.of && node ? el("div", { "data-of": each.of.join(" ") }, node) : node;
}

// What is only asked of some kinds is hidden for the others, and then not a part of the form.
export function reveal(form, kind) {
  for (const part of form.querySelectorAll("[data-of]")) {
    part.hidden = !part.dataset.of.split(" ").includes(kind);
    for (const input of part.querySelectorAll("input, select, textarea")) input.disabled = part.hidden;
  }
}

// What stands at a field's name in a request.
export function valueAt(config, name) {
  return name.split(".").reduce((value, key) => value?.[key], config);
}

// A request with what a form gives; what no field is about stays as it was. Nothing is told of what is empty.
export function configured(fields, form, before, kind) {
  const config = structuredClone(before);
  const given = new FormData(form);
  for (const each of fields) {
    if (each.of && !each.of.includes(kind)) continue;
    const path = each.name.split(".");
    const last = path.pop();
    let holder = config;
    for (const key of path) holder = holder[key] ??= {};
    const value = read(each, form, given);
    if (value === null) delete holder[last]; // as absent
    else holder[last] = value;
  }
  return config;
}

const labelOf = (each) => each.label ?? `field.${each.name}`;
const hintOf = (each) => (each.hint ? t(`${labelOf(each)}.hint`) : null);

const MAKERS = {
  check: (each, _page, kept) => {
    const checked = each.off ? kept === false : (kept ?? each.value ?? false);
    return choice("checkbox", each.name, "yes", t(labelOf(each)), { hint: hintOf(each), checked });
  },
  checks: (each, page, kept) => {
    const options = each.options(page);
    const chosen = (kept ?? each.value)?.map(String);
    return options.length > 0 && group(t(labelOf(each)),
      options.map(([key, text]) => choice("checkbox", each.name, key, text, { checked: chosen ? chosen.includes(key) : each.all === true })),
      each.hint && el("p", { class: "hint" }, hintOf(each)));
  },
  radio: (each, page, kept) => group(t(labelOf(each)), each.options(page).map((key) =>
    choice("radio", each.name, key, t(`${labelOf(each)}.${key}`), { hint: t(`${labelOf(each)}.${key}.hint`), checked: key === (kept ?? each.value) }))),
  select: (each, page, kept) => {
    const options = each.options(page);
    const chosen = kept ?? each.value;
    const unknown = chosen && !options.some(([key]) => key === chosen) ? [[chosen, chosen]] : []; // made by the API: it stays so
    const change = each.switches ? ({ target }) => reveal(target.form, target.value) : null;
    return (options.length > 1 || each.required) && field(t(labelOf(each)), select([...options, ...unknown], chosen ?? "", change, { name: each.name, required: each.required }), hintOf(each));
  },
  secret: (each, _page, _kept, secrets) => {
    const stored = secrets.includes(each.name);
    const input = el("input", { type: "password", name: each.name, autocomplete: "off", spellcheck: "false", required: each.required && !stored });
    return field(t(labelOf(each)), input, stored ? t("secret.kept") : each.example ?? null);
  },
  lines: (each, _page, kept) => area(each, (kept ?? []).join("\n")),
  pairs: (each, _page, kept) => area(each, Object.entries(kept ?? {}).map(([key, value]) => `${key} = ${value}`).join("\n")),
  numbers: (each, _page, kept) => textField({ ...each, type: "text" }, null, Array.isArray(kept) ? kept.join(", ") : kept),
};

function area(each, value) {
  return field(t(labelOf(each)), el("textarea", { name: each.name, rows: 2, value, required: each.required, placeholder: each.example, spellcheck: "false" }), hintOf(each));
}

function textField(each, _page, kept) {
  const list = each.list?.length ? freshId() : null;
  const number = each.type === "number";
  const input = el("input", {
    type: each.type, name: each.name, value: kept ?? each.value ?? "", required: each.required, list, placeholder: each.example, spellcheck: "false",
    autocomplete: each.list ? null : "off", maxlength: each.longest, min: number ? (each.least ?? 0) : null, max: each.most,
  });
  return [field(t(labelOf(each)), input, hintOf(each)), list && el("datalist", { id: list }, each.list.map((value) => el("option", { value })))];
}

// The value of a field as a request has it; null where there is nothing to tell.
function read(each, form, given) {
  const inputs = [...form.elements].filter((one) => one.name === each.name && !one.disabled);
  if (!inputs.length) return null;
  if (each.type === "check") return ticked(each, given.has(each.name));
  if (each.type === "checks") return chosen(each, inputs, given.getAll(each.name));
  const text = (given.get(each.name) ?? "").trim();
  if (text === "") return null;
  return (READERS[each.type] ?? ((one) => one))(text, each);
}

function ticked({ explicit, off }, is) {
  if (explicit) return is;
  return is ? !off : null;
}

// Everything is null where the field says so: what is in none of the names belongs to it too.
function chosen({ all, numeric }, inputs, names) {
  if (all ? names.length === inputs.length : !names.length) return null;
  return numeric ? names.map(Number) : names;
}

const linesOf = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);

const READERS = {
  number: Number,
  lines: linesOf,
  numbers: (text) => (text === "all" ? text : text.split(/[\s,]+/).filter(Boolean).map(Number)),
  // A line without an equals sign goes as it is, for the service to say what is wrong with it.
  pairs: (text, { numeric }) => Object.fromEntries(linesOf(text).map((line) => {
    const [, key, value] = /^(.*?)\s*=\s*(.*)$/.exec(line) ?? [null, line, ""];
    return [key, numeric ? Number(value) : value];
  })),
};
