// What went wrong, and what to do about it.

import { Failure } from "/panel/api.js";
import { el } from "/panel/dom.js";
import { has, t } from "/panel/text.js";

const SHOWN = [
  "file", "line", "column", "reason", "table", "columns", "rows", "ids", "privileges", "field", "fields", "collections",
  "unknown", "database", "expected", "found",
];

const OF_STORES = /^(milvus|redis|neo4j|objects|stack)_/;

// A failed call, with the id by which its log lines can be found. Anything else is a bug of this page and goes on.
export function problem(error, kind = "") {
  if (!(error instanceof Failure)) throw error;
  return described(error.type, error.message, error.data, error.requestId, kind);
}

// The envelope of a job's failure.
export function jobProblem(envelope, requestId, kind) {
  return described(envelope.data.error_type, envelope.data.response, envelope.data, requestId, kind);
}

// One of a dry run's problems.
export function foreseen(one, kind) {
  return described(one.error_type, one.error, one, null, kind);
}

// What to do about it, in a line that fits the kind of operation.
export function advice(type, kind = "") {
  const store = OF_STORES.test(kind) && `advice.store.${type}`;
  return t([`advice.${kind}.${type}`, store, `advice.${type}`].find((key) => key && has(key)) ?? "advice.OTHER");
}

// The server's own words: in the page's language, unless an older version wrote them down.
export function serverText(text) {
  return el("span", { lang: /[\u4e00-\u9fff]/.test(text) ? "zh-CN" : "en" }, text);
}

// What is worth knowing although it worked.
export function warnings(texts) {
  if (!texts?.length) return null;
  return el("ul", { class: "note" }, texts.map((text) => el("li", {}, serverText(text))));
}

function plain(value) {
  if (Array.isArray(value)) return value.map(plain).join(", ");
  return value !== null && typeof value === "object" ? JSON.stringify(value) : String(value);
}

function described(type, text, data, requestId, kind) {
  const facts = Object.entries(data.details ?? {}).filter(([name, value]) => SHOWN.includes(name) && value !== null);
  const holder = data.holder ?? data.details?.holder;
  return el("section", { class: "problem", role: "alert" },
    el("p", { class: "what" }, text ? serverText(text) : t("unreachable")),
    el("p", {}, advice(type, kind)),
    el("dl", { class: "facts small" },
      fact(t("error type"), el("code", {}, type)),
      facts.map(([name, value]) => fact(t(`detail.${name}`), plain(value))),
      holder && fact(t("detail.holder"), plain(holder)),
      data.rolled_back && fact(t("state of tables"), t("rolled back")),
      data.outcome === "unknown" && fact(t("state of tables"), t("outcome unknown")),
      requestId && fact(t("request id"), el("code", {}, requestId))));
}

export function fact(name, ...value) {
  return el("div", {}, el("dt", {}, name), el("dd", {}, ...value));
}
