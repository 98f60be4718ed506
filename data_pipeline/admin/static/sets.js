// The backup sets of all storages, as the list and their manifests tell of them.

import { call } from "/panel/api.js";
import { address } from "/panel/router.js";
import { compared } from "/panel/table.js";
import { bytesIn, t } from "/panel/text.js";

const AT_A_TIME = 4;
const GLOBAL = "global";

// {sets, unreachable}: newest first. A set: {key, storage, location, path, timestamp, date, made, bytes, format, vouched}.
export async function listSets(signal) {
  const data = await call("GET", "/restore/list?storage=all", undefined, { signal });
  const offset = data.timestamp.slice(19); // the server's times are its local ones
  const sets = data.backup_locations.flatMap((place) => place.backups.map((backup) => described(place, backup, offset)));
  sets.sort((a, b) => compared(b.timestamp, a.timestamp));
  return { sets, unreachable: data.summary.unreachable_storages };
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
    bytes: bytesIn(backup.collection_size) + bytesIn(backup.embedding_size),
    format: backup.format,
    vouched: backup.has_manifest,
  };
}

export function placeName(set) {
  return set.location === GLOBAL ? t("whole system") : set.location;
}

export function setAddress(view, set) {
  return address([view, set.storage, set.location, set.timestamp]);
}

export function setUrl(set, action = "") {
  const place = `/backups/${encodeURIComponent(set.location)}/${set.timestamp}${action}`;
  return `${place}?storage=${encodeURIComponent(set.storage)}`;
}

const known = new Map();

// What a set's manifest says: {rows, collections, facts}; rows is null where nothing vouches for it.
export function detailsOf(set) {
  if (!known.has(set.key)) {
    const asked = inTurn(() => load(set));
    known.set(set.key, asked);
    asked.catch(() => known.delete(set.key)); // and may be asked again
  }
  return known.get(set.key);
}

export function forget(set) {
  known.delete(set.key);
}

async function load(set) {
  const facts = await call("GET", setUrl(set));
  const tables = facts.manifest?.tables;
  set.bytes = Object.values(facts.files).reduce((sum, file) => sum + file.file_bytes, 0);
  // A backup is as large as the table that is loaded last: the others are what its rows refer to.
  const last = Object.keys(facts.files).at(-1);
  return { rows: tables ? tables[last].rows : null, collections: facts.manifest?.collections ?? [], facts };
}

let running = 0;
const waiting = [];

// A few at a time, so that a long list doesn't keep the service from other work. The newest question comes first: it is
// about what is looked at now.
async function inTurn(work) {
  if (running >= AT_A_TIME) await new Promise((resolve) => waiting.push(resolve));
  running += 1;
  try {
    return await work();
  } finally {
    running -= 1;
    waiting.pop()?.();
  }
}

// What this tab found when it read all of a set: key -> {found, at}.
const VERIFIED = "verified";

export function verified(set) {
  return JSON.parse(sessionStorage.getItem(VERIFIED) ?? "{}")[set.key] ?? null;
}

export function rememberVerified(set, found) {
  const all = JSON.parse(sessionStorage.getItem(VERIFIED) ?? "{}");
  sessionStorage.setItem(VERIFIED, JSON.stringify({ ...all, [set.key]: { found, at: Date.now() } }));
}
