// Words, numbers and times in the language of the page.

import en from "/panel/en.js";
import zh from "/panel/zh.js";

const DICTIONARIES = { "zh-CN": zh, en };
const UNITS = ["B", "KB", "MB", "GB", "TB", "PB"];

function language() {
  return document.documentElement.lang;
}

export function otherLanguage() {
  return language() === "en" ? "zh-CN" : "en";
}

export function setLanguage(name) {
  localStorage.setItem("language", name);
  document.documentElement.lang = name;
}

// t("rows", { n: 3 }): {n} is the value, and {n|row|rows} the first word for one and the second for any other number.
export function t(key, values = {}) {
  const text = DICTIONARIES[language()][key];
  if (text === undefined) throw new Error(`no text for ${key}`);
  return text.replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (_, name, one, many) => {
    const value = values[name];
    if (one !== undefined) return value === 1 ? one : many;
    return typeof value === "number" ? number(value) : String(value);
  });
}

// The same as children of a node, for values that are nodes.
export function said(key, values) {
  const text = DICTIONARIES[language()][key];
  return text.split(/\{(\w+)\}/).map((part, n) => (n % 2 ? values[part] : part));
}

export function has(key) {
  return key in DICTIONARIES[language()];
}

export function number(value) {
  return new Intl.NumberFormat(language()).format(value);
}

export function bytes(value) {
  let size = value;
  let unit = 0;
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${size.toFixed(unit > 1 ? 1 : 0)} ${UNITS[unit]}`;
}

// Seconds as people say them: "0.4 s", "12 s", "3 min 5 s", "2 h 10 min".
export function duration(seconds) {
  if (seconds < 10) return t("seconds", { n: Math.ceil(seconds * 10) / 10 });
  const whole = Math.round(seconds);
  if (whole < 60) return t("seconds", { n: whole });
  if (whole < 3600) return t("minutes", { n: Math.floor(whole / 60), rest: whole % 60 });
  return t("hours", { n: Math.floor(whole / 3600), rest: Math.floor((whole % 3600) / 60) });
}

export function age(date) {
  const seconds = (date.getTime() - Date.now()) / 1000;
  const format = new Intl.RelativeTimeFormat(language()); // not "yesterday", which may be the day before
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(seconds) >= size) return format.format(Math.round(seconds / size), unit);
  }
  return t("just now");
}

export function moment(date) {
  return new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeStyle: "medium" }).format(date);
}
