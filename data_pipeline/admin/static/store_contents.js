// What a set of a store holds, as its manifest says.

import { el } from "/panel/dom.js";
import { fact } from "/panel/problem.js";
import { table } from "/panel/table.js";
import { bytes, moment, number, t } from "/panel/text.js";

// Facts of the card, and tables below it: {facts, tables}.
export function storeContents({ layout, store }) {
  return CONTENTS[layout]?.(store) ?? { facts: [], tables: [] };
}

// Of which moment a copy is: one, or from when until when.
export function consistencyFact({ consistency, moment: at, started_at: from, ended_at: until, paused_seconds: paused }) {
  if (!consistency) return null;
  return fact(t("consistency"), t(`consistency.${consistency}`),
    el("div", { class: "hint" }, [from ?? at, until].filter(Boolean).map((text) => moment(new Date(text))).join(" – ")),
    paused > 0 && el("div", { class: "hint" }, t("consistency.waited", { n: paused })));
}

function milvus(store) {
  const columns = [
    { key: "name", label: t("collection"), kind: "any", cell: (one) => [one.name, one.changed && el("div", { class: "bad" }, t("milvus.changed"))] },
    { key: "rows", label: t("rows"), numeric: true, cell: (one) => number(sum(one.partitions, ({ rows }) => rows)) },
    { key: "partitions", label: t("partitions"), numeric: true, cell: (one) => number(one.partitions.length) },
    { key: "indexes", label: t("indexes"), kind: "any", cell: (one) => one.indexes.map((index) => el("div", {}, `${index.field}: ${index.params.index_type ?? index.name}`)) },
    { key: "aliases", label: t("milvus.aliases"), kind: "any", cell: (one) => one.aliases.join(", ") || "–" },
  ];
  return { facts: [], tables: [el("h2", {}, t("collections")), table(t("collections"), columns, store.collections)] };
}

function redis(store) {
  const columns = [
    { key: "number", label: t("redis.database"), cell: ([number_]) => number_ },
    { key: "keys", label: t("redis.counted"), numeric: true, cell: ([, one]) => number(one.keys) },
    { key: "expiring", label: t("redis.expiring"), numeric: true, cell: ([, one]) => number(one.expiring) },
    { key: "memory", label: t("redis.memory"), numeric: true, cell: ([, one]) => bytes(one.memory_bytes) },
    { key: "types", label: t("redis.types"), kind: "any", cell: ([, one]) => counted(one.types) },
  ];
  return {
    facts: [
      consistencyFact(store),
      store.pattern && fact(t("limited to"), el("code", {}, store.pattern)),
      store.libraries?.length > 0 && fact(t("redis.libraries"), store.libraries.join(", ")),
      store.users !== null && store.users !== undefined && fact(t("redis.users of"), number(store.users)),
    ],
    tables: [el("h2", {}, t("databases")), table(t("databases"), columns, Object.entries(store.databases))],
  };
}

function neo4j(store) {
  return {
    facts: [
      consistencyFact(store),
      fact(t("neo4j.nodes"), number(store.nodes)),
      fact(t("neo4j.relationships"), number(store.relationships)),
      store.left_out > 0 && fact(t("neo4j.left out"), number(store.left_out)),
    ],
    tables: graphTables(store),
  };
}

// How many there are of each label and type.
function graphTables({ labels, types }) {
  const columns = (label) => [
    { key: "name", label: t(label), kind: "any", cell: ([name]) => name || t("neo4j.no label") },
    { key: "count", label: t("neo4j.count"), numeric: true, cell: ([, count]) => number(count) },
  ];
  return [["neo4j.labels", labels], ["neo4j.types", types]].filter(([, all]) => Object.keys(all).length > 0)
    .map(([label, all]) => [el("h2", {}, t(label)), table(t(label), columns(label), Object.entries(all))]);
}

function objects(store) {
  return {
    facts: [
      consistencyFact(store),
      fact(t("objects.counted"), number(store.objects), el("div", { class: "hint" }, bytes(store.bytes))),
      store.selected && fact(t("limited to"), el("code", {}, store.selected)),
      store.changed > 0 && fact(t("objects.changed"), number(store.changed)),
      !store.tags && fact(t("objects.tags"), t("objects.no tags")),
    ],
    tables: [],
  };
}

const CONTENTS = { milvus, redis, neo4j, objects };

export const counted = (counts) => Object.entries(counts).map(([name, count]) => `${name || t("neo4j.no label")} ${number(count)}`).join(", ");

const sum = (all, value) => all.reduce((total, one) => total + value(one), 0);
