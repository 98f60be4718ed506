// Ages, which are told anew as time passes: a page may be open for hours.

import { el, show } from "/panel/dom.js";
import { age, moment } from "/panel/text.js";

const EVERY_MS = 20000;

const told = new WeakMap();

// How long ago something was. words(age): what else is said with it.
export function since(date, words = (text) => text) {
  if (Number.isNaN(date.getTime())) return "–"; // a file's name may hold a time that there never was
  const node = el("time", { datetime: date.toISOString(), title: moment(date) });
  const tell = () => show(node, words(age(date)));
  told.set(node, tell);
  tell();
  return node;
}

setInterval(() => {
  for (const node of document.querySelectorAll("time")) told.get(node)?.();
}, EVERY_MS);
