// The backup sets of all storages, as the list and their manifests tell of them.

import { BASE, call, Failure } from "/panel/api.js";
import { address } from "/panel/router.js";
import { t } from "/panel/text.js";

const GLOBAL = "global";
const MAIN = "local";
const NAMED = 3;

// {backups, unreachable, next, total, unknown}. A backup is its first set, with all of them as `copies`; newest first. A set:
// {key, storage, location, path, timestamp, date, made, bytes, format, database, server, rows, partial, layout, tables, origin, state, checked}.
// Without a limit all are asked for.
export async function listSets(signal, { q = "", storage = "all", limit = null, after = null } = {}) {
  const query = new URLSearchParams({ storage, layout: "all", ...(q.trim() && { q }), ...(limit && { limit }), ...(after && { after }) });
  const data = await call("GET", `/restore/list?${query}`, undefined, { signal });
  const offset = data.timestamp.slice(19); // the server's times are its local ones
  const sets = data.backup_locations.flatMap((place) => place.backups.map((backup) => described(place, backup, offset)));
  const backups = grouped(sets);
  return {
    backups,
    unreachable: data.summary.unreachable_storages ?? [],
    next: data.summary.next ?? null,
    total: data.summary.backups ?? backups.length,
    unknown: data.summary.checks_unknown === true,
  };
}

// The one set of a name; {set, copies, unreachable}, its set undefined where there is none.
export async function findSet({ storage, location, timestamp }, signal) {
  const { backups, unreachable } = await listSets(signal, { q: timestamp });
  const copies = backups.flatMap((backup) => backup.copies).filter((one) => one.location === location && one.timestamp === timestamp);
  return { set: copies.find((one) => one.storage === storage), copies, unreachable };
}

// What drills have shown of sets, by their keys: {proven, drilled, provenAt, job}. Empty while the jobs database is out of reach.
export async function drilledSets(signal) {
  const { drills } = await call("GET", "/drills", undefined, { signal, prefix: BASE }).catch((error) => {
    if (error instanceof Failure) return { drills: [] };
    throw error;
  });
  return new Map(drills.map((one) => [`${one.storage}/${one.location}/${one.timestamp}`, {
    proven: one.proven,
    drilled: new Date(one.drilled_at),
    provenAt: one.proven_at && new Date(one.proven_at),
    job: one.job_id,
  }]));
}

// A set's name by what requests call it: {storage, location, timestamp}.
export function nameIn({ backup_path: path, timestamp }) {
  const storage = /^([^:/]+):/.exec(path)?.[1] ?? MAIN;
  const task = path.replace(/\/+$/, "").split("/").at(-2);
  return { storage, location: task === "training_data" ? GLOBAL : task, timestamp };
}

export function keyed(key) {
  const [storage, location, timestamp] = key.split("/");
  return { storage, location, timestamp };
}

function described(place, backup, offset) {
  const location = place.task_id ?? GLOBAL;
  return {
    key: `${place.storage}/${location}/${backup.timestamp}`,
    storage: place.storage,
    location,
    path: place.relative_path,
    timestamp: backup.timestamp,
    date: backup.backup_date,
    made: new Date(backup.backup_date.replace(" ", "T") + offset),
    bytes: backup.bytes,
    format: [backup.format, backup.compression].filter(Boolean).join(" · "),
    encryptionKey: backup.encryption_key ?? null,
    database: backup.database,
    server: backup.server,
    rows: backup.rows,
    partial: backup.partial === true,
    layout: backup.layout ?? null,
    tables: (backup.tables ?? []).map((table) => table.name),
    origin: backup.origin,
    state: backup.state,
    vouched: backup.has_manifest,
    checked: backup.checked_at && new Date(backup.checked_at),
  };
}

// Sets of one place and time that hold the same are one backup.
function grouped(sets) {
  const found = new Map();
  for (const set of sets) {
    const key = [set.timestamp, set.location, set.database, set.server, set.rows, set.bytes].join("/");
    if (!found.has(key)) found.set(key, []);
    found.get(key).push(set);
  }
  const backups = [...found.values()].map((copies) => {
    copies.sort((a, b) => (b.storage === MAIN) - (a.storage === MAIN));
    return { ...copies[0], copies };
  });
  return backups.sort((a, b) => (a.timestamp < b.timestamp ? 1 : a.timestamp > b.timestamp ? -1 : a.location < b.location ? 1 : -1));
}

const UNNAMED = ["database", "neo4j", "objects"]; // their files are no parts that people know by name

// Its tables, the collections of a Milvus, the databases of a Redis, by name.
export function holdings({ layout, tables }) {
  if (UNNAMED.includes(layout)) return "";
  const more = tables.length - NAMED;
  return [...tables.slice(0, NAMED), ...(more > 0 ? [t("holds more", { n: more })] : [])].join(", ");
}

export function placeName(set) {
  return set.location === GLOBAL ? t("whole system") : set.location;
}

// "2026-11-27 02:46:42 · ragapp · Whole system"; with its storage where that isn't the usual one.
export function setName(set) {
  return [set.date, set.database, placeName(set), set.storage === MAIN ? null : set.storage].filter(Boolean).join(" · ");
}

export function setAddress(view, set, query = {}) {
  return address([view, set.storage, set.location, set.timestamp], query);
}

export function setUrl(set, action = "") {
  const place = `/backups/${encodeURIComponent(set.location)}/${set.timestamp}${action}`;
  return `${place}?storage=${encodeURIComponent(set.storage)}`;
}

// What a set's manifest says: {rows, collections, facts}; rows is null where nothing vouches for it.
export async function detailsOf(set) {
  const facts = await call("GET", setUrl(set));
  return { rows: facts.manifest ? set.rows : null, collections: facts.manifest?.collections ?? [], facts };
}

// A backup that a restore could rely on, of everything there was.
export const isGood = (set) => ["verified", "vouched"].includes(set.state) && !set.partial && set.origin === "backup";
