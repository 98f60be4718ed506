// What is known of a set, in a word and a colour, and what else it is.

import { since } from "/panel/clock.js";
import { el } from "/panel/dom.js";
import { t } from "/panel/text.js";

const SIGNS = { verified: "✓", vouched: "✓", readable: "◐", unvouched: "–", damaged: "✕", locked: "⚷", unknown: "?" };
const COLOURS = { verified: "good", damaged: "bad" };

export function stateOf(set) {
  const when = set.checked && ["verified", "readable", "damaged"].includes(set.state);
  return el("span", { class: `set-state ${COLOURS[set.state] ?? "hint"}` },
    el("span", { "aria-hidden": "true" }, `${SIGNS[set.state]} `),
    when ? since(set.checked, (age) => t("set.checked", { state: t(`set.${set.state}`), when: age })) : t(`set.${set.state}`));
}

// Of a backup with copies: what differs of one from the first is told with its storage.
export function statesOf(backup) {
  const differing = (backup.copies ?? []).filter((one) => one.state !== backup.state && one.storage !== backup.storage);
  return [stateOf(backup), differing.map((one) => el("div", {}, el("span", { class: "tag first" }, one.storage), " ", stateOf(one)))];
}

// What drills have shown of a backup's copies: when one was last proven, and each whose newest drill failed.
export function drillsOf({ copies }, drills) {
  const known = copies.map((one) => ({ storage: one.storage, ...drills.get(one.key) })).filter((one) => one.drilled);
  const moments = known.map((one) => one.provenAt).filter(Boolean);
  return [
    known.filter((one) => !one.proven).map((one) => el("div", { class: "bad" },
      copies.length > 1 && [tag(one.storage), " "], "✕ ", since(one.drilled, (when) => t("set.not proven", { when })))),
    moments.length > 0 && el("div", { class: "good" }, "✓ ", since(new Date(Math.max(...moments)), (when) => t("set.proven", { when }))),
  ];
}

export function tagsOf(set) {
  return [
    set.layout && tag(t(`layout.${set.layout}`)),
    set.partial && tag(t("tag.partial")),
    set.origin === "restore" && tag(t("tag.restore")),
  ];
}

export function tag(text) {
  return el("span", { class: "tag" }, text);
}
