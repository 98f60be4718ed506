// A choice among all backups, found by database, place, date or state.

import { picker } from "/panel/picker.js";
import { listSets, setName } from "/panel/sets.js";
import { bytes, t } from "/panel/text.js";

const SHOWN = 20;

// chosen: a set, or one of `more`, options that stand before the sets: [{key, label}].
export function setPicker(label, { chosen, change, signal, more = [], name = "" }) {
  const search = async (text) => {
    const { backups } = await listSets(signal, { q: text, limit: SHOWN });
    const own = more.filter((option) => option.label.toLowerCase().includes(text.trim().toLowerCase()));
    return [...own, ...backups.flatMap((backup) => backup.copies).map(optionOf)];
  };
  const first = chosen && ("timestamp" in chosen ? optionOf(chosen) : chosen);
  return picker(label, { search, chosen: first, change, signal, name });
}

function optionOf(set) {
  const more = [set.rows !== null && t("n rows", { n: set.rows }), bytes(set.bytes), set.format, t(`set.${set.state}`)];
  return { key: set.key, label: setName(set), more: more.filter(Boolean).join(" · "), set };
}
