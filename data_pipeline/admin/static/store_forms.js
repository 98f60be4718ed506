// What each of the single stores is asked for a backup and for a restore, in fields as form_fields.js has them.
//
// backup: of a backup. ways: the restores there are, by what each adds to the request; the first one is offered.
// restore: what a restore is asked, of some ways or of all; part: "what" of the set, "more" options, or else how.
// compared: what a set can be compared with. drill: whether there is one. example: of a URL in TARGETS.

import { t } from "/panel/text.js";

const same = (name) => [name, name];

export const STORES = {
  milvus: {
    example: "milvus+http://user:password@host:19530",
    compared: ["live", "set"],
    drill: true,
    backup: [
      { name: "collections", type: "lines", label: "store.collections", hint: true },
      { name: "allow_changes", type: "check", label: "milvus.allow_changes", hint: true },
    ],
    ways: { swap: { swap: true }, merge: { merge: true }, create: {}, beside: {}, postgres: {} },
    restore: [
      { name: "collections", type: "checks", label: "store.collections of", all: true, part: "what", when: ({ facts }) => facts.collections, options: ({ facts }) => facts.collections.map(({ name }) => same(name)) },
      { name: "collections", type: "lines", label: "store.collections", hint: true, part: "what", when: ({ facts }) => !facts.collections },
      { name: "drop_old", type: "check", label: "milvus.drop_old", hint: true, of: ["swap"] },
      { name: "collection_suffix", type: "text", label: "suffix", hint: true, of: ["beside"], required: true, value: "_restored", longest: 200 },
      { name: "into.layout", type: "select", label: "milvus.into", of: ["postgres"], required: true, options: () => ["langchain", "pgvectorstore", "tables"].map((name) => [name, t(`milvus.into.${name}`)]) },
      { name: "into.tables", type: "pairs", label: "milvus.into.tables", hint: true, of: ["postgres"], part: "more", example: "docs = public.documents" },
      { name: "renames", type: "pairs", label: "milvus.renames", hint: true, of: ["swap", "merge", "create", "beside"], part: "more", example: "docs = docs_old" },
      { name: "keys", type: "select", label: "milvus.keys", of: ["swap", "create", "beside"], part: "more", options: () => ["keep", "new"].map((name) => [name, t(`milvus.keys.${name}`)]), value: "keep" },
      { name: "indexes", type: "check", off: true, label: "milvus.no indexes", of: ["swap", "create", "beside"], part: "more" },
      { name: "auto_index", type: "check", label: "milvus.auto_index", of: ["swap", "create", "beside"], part: "more" },
      { name: "meta_only", type: "check", label: "milvus.meta_only", of: ["create", "beside"], part: "more" },
    ],
  },
  redis: {
    example: "redis://:password@host:6379/0",
    compared: ["live", "set"],
    drill: true,
    backup: [
      { name: "consistency", type: "radio", label: "redis.consistency", options: () => ["snapshot", "paused", "live"], value: "snapshot" },
      { name: "databases", type: "numbers", label: "redis.databases", hint: true, example: "0, 1" },
      { name: "keys", type: "text", label: "redis.keys", hint: true, example: "session:*" },
      { name: "users", type: "check", label: "redis.users", hint: true },
    ],
    ways: { replace: { mode: "replace" }, merge: { mode: "merge" } },
    restore: [
      { name: "databases", type: "checks", label: "redis.databases of", all: true, numeric: true, part: "what", options: ({ facts }) => Object.keys(facts.databases).map(same) },
      { name: "keep_old", type: "check", label: "redis.keep_old", hint: true, of: ["replace"] },
      { name: "on_conflict", type: "select", label: "redis.on_conflict", of: ["merge"], options: () => ["skip", "update"].map((name) => [name, t(`redis.on_conflict.${name}`)]), value: "skip" },
      { name: "keys", type: "text", label: "redis.keys", hint: true, of: ["merge"], example: "session:*" },
      { name: "into", type: "pairs", numeric: true, label: "redis.into", hint: true, part: "more", example: "0 = 3" },
      { name: "functions", type: "check", label: "redis.functions", part: "more", when: ({ facts }) => facts.libraries?.length > 0 },
      { name: "users", type: "check", label: "redis.users of", part: "more", when: ({ facts }) => facts.users > 0 },
    ],
  },
  neo4j: {
    example: "neo4j://neo4j:password@host:7687",
    compared: ["live"],
    backup: [],
    ways: { replace: { mode: "replace" }, merge: { mode: "merge" }, empty: { mode: "empty" } },
    restore: [
      { name: "merge_keys", type: "pairs", label: "neo4j.merge_keys", hint: true, of: ["merge"], required: true, example: "Person = id" },
    ],
  },
  objects: {
    example: "s3+http://key:secret@host:9000/bucket/prefix",
    compared: [],
    backup: [
      { name: "prefix", type: "text", label: "objects.prefix", hint: true, example: "uploads/" },
    ],
    ways: { add: { mode: "add" }, mirror: { mode: "mirror" } },
    restore: [
      { name: "prefix", type: "text", label: "objects.prefix", hint: true, part: "what", example: "uploads/" },
      { name: "to_prefix", type: "text", label: "objects.to_prefix", hint: true, example: "restored/" },
      { name: "backup_before_restore", type: "check", explicit: true, label: "backup first", hint: true, of: ["mirror"], value: true },
    ],
  },
};

// Sets of PostgreSQL tables that are not a whole database can go into a Milvus too.
export const isOfTables = (set) => !["database", ...Object.keys(STORES)].includes(set.layout);

// What can be proven by a restore into a server of the service's own.
export const hasDrill = (set) => isOfTables(set) || set.layout === "database" || Boolean(STORES[set.layout]?.drill);

// Which of the ways a request of this store is.
export function wayOf(family, request) {
  const { ways } = STORES[family];
  if (family !== "milvus") return request.mode in ways ? request.mode : Object.keys(ways)[0];
  if (request.into) return "postgres";
  return ["swap", "merge"].find((name) => request[name]) ?? (request.collection_suffix ? "beside" : "create");
}

// Targets of a store's family, by name.
export const targetsOf = ({ stores }, family) => Object.fromEntries(Object.entries(stores).filter(([, one]) => one.family === family));
