// How it all stands, from what the service tells: databases, schedules, storages, jobs, and what needs attention. No DOM.

import { BASE, call, PREFIX } from "/panel/api.js";
import { configuration } from "/panel/configuration.js";
import { healthNow } from "/panel/health.js";
import { UNFINISHED } from "/panel/jobs.js";
import { drilledSets, isGood, listSets } from "/panel/sets.js";
import { hasDrill, isOfTables, STORES } from "/panel/store_forms.js";
import { t } from "/panel/text.js";

const RECENT = 200;
const CURVE = 60;
const LITTLE_ROOM = 3; // times the newest backup
const DAMAGED = "damaged";

// Kinds of jobs that save a database, or tables of it, and where each is asked for.
export const BACKUPS = { backup: `${PREFIX}/backup`, database_backup: `${BASE}/databases/backup` };
const STORED = new RegExp(`^(${Object.keys(STORES).join("|")}|stack)_`);

// Everything at a time; what can't be told now is null.
export async function situation(signal) {
  const unless = (asked) => asked.catch((error) => {
    if (error.name === "AbortError") throw error;
    return null;
  });
  const [config, health, list, jobs, schedules, drills, bad] = await Promise.all([
    configuration(signal),
    unless(healthNow(signal)),
    unless(listSets(signal, { limit: RECENT })),
    unless(call("GET", `/jobs?limit=${RECENT}`, undefined, { signal })),
    unless(call("GET", "/schedules", undefined, { signal, prefix: BASE })),
    drilledSets(signal),
    unless(listSets(signal, { q: DAMAGED, limit: 1 })),
  ]);
  const now = {
    config, health, list,
    jobs: jobs?.jobs ?? null,
    schedules: schedules?.complete ? schedules.schedules : null,
    drills,
    damaged: bad?.total ?? 0,
  };
  now.running = (now.jobs ?? []).filter((job) => UNFINISHED.includes(job.state));
  now.databases = list ? databasesOf(now) : [];
  now.attention = attention(now);
  return now;
}

// By database and server, so that no curve is over several; the configured one first.
function databasesOf(now) {
  const groups = new Map();
  const configured = now.config.database?.dbname;
  for (const set of now.list.backups) {
    if (set.database === null) continue;
    const family = isOfTables(set) || set.layout === "database" ? null : set.layout;
    const key = `${family}/${set.server}/${set.database}`;
    const name = family ? `${t(`layout.${family}`)}: ${set.database}` : set.database;
    if (!groups.has(key)) groups.set(key, { name, database: set.database, family, server: set.server, sets: [] });
    groups.get(key).sets.push(set);
  }
  const found = [...groups.values()];
  if (configured && !found.some((group) => isConfigured(group, configured))) found.unshift({ name: configured, database: configured, family: null, server: null, sets: [] });
  for (const group of found) describe(group, now, found);
  return found.sort((a, b) => isConfigured(b, configured) - isConfigured(a, configured) || (a.newest < b.newest ? 1 : -1));
}

const isConfigured = ({ family, database }, configured) => family === null && database === configured;

function describe(group, now, all) {
  const good = group.sets.filter(isGood);
  const alone = all.filter((one) => one.name === group.name).length === 1; // else jobs and schedules can't be told apart
  const jobs = alone ? (now.jobs ?? []).filter((job) => isOf(job, group)) : [];
  const failed = jobs.find((job) => job.failure);
  Object.assign(group, {
    alone,
    newest: group.sets[0]?.timestamp ?? "",
    last: good[0] ?? null,
    whole: group.sets.filter((set) => set.layout === good[0]?.layout && set.origin === "backup" && !set.partial).slice(0, CURVE).reverse(),
    failed: failed ?? null,
    failedLast: Boolean(failed) && (!good[0] || new Date(failed.created_at) > good[0].made),
    durations: jobs.filter((job) => job.kind === (good[0]?.layout === "database" ? "database_backup" : "backup") && job.state === "SUCCEEDED" && job.started_at).slice(0, CURVE).reverse()
      .map((job) => ({ at: new Date(job.finished_at), value: (new Date(job.finished_at) - new Date(job.started_at)) / 1000 })),
    schedules: alone ? (now.schedules ?? []).filter((one) => isScheduled(one, group, now.config)) : [],
    proven: provenOf(group, now.drills),
    unproven: group.sets.flatMap((set) => set.copies).find((one) => now.drills.get(one.key)?.proven === false) ?? null,
  });
}

// Of another store a set is named after its target, or after what the target's URL names.
function isOf({ kind, target }, { family, database }) {
  if (!family) return kind === "backup" && target?.dbname === database;
  return kind === `${family}_backup` && [target?.name, target?.dbname].includes(database);
}

// When a drill last proved one of the sets: the newest.
function provenOf(group, drills) {
  const moments = group.sets.flatMap((set) => set.copies).map((one) => drills.get(one.key)?.provenAt).filter(Boolean);
  return moments.length ? new Date(Math.max(...moments)) : null;
}

function isScheduled({ config }, { family, database }, known) {
  if (!family) return !STORED.test(config.kind) && databaseOf({ config }, known) === database;
  const named = config.request?.target;
  return config.kind === `${family}_backup` && [named, known.stores[named]?.dbname].includes(database);
}

// A database's own name; the configured one of another store; a stack's.
export function databaseOf({ config }, { database, targets }) {
  const named = config.request?.stack ?? config.request?.pg_conn ?? config.request?.db_connection ?? config.request?.target;
  return (named ? targets[named] : database)?.dbname ?? named ?? null;
}

// [{kind, bad, values, …what the button needs}]: what is wrong, the worst first; then what could be better.
function attention(now) {
  const found = [];
  const bad = (kind, values = {}, more = {}) => found.push({ kind, bad: true, values, ...more });
  const better = (kind, values = {}, more = {}) => found.push({ kind, bad: false, values, ...more });
  if (!now.health || !now.list) bad("unreachable");
  for (const [name, good] of Object.entries(now.health?.checks ?? {})) if (!good) bad(`check.${name}`);
  for (const schedule of now.schedules ?? []) if (schedule.status?.overdue) bad("overdue", { name: schedule.name }, { schedule });
  for (const group of now.databases) if (group.failedLast) bad("failed", { name: group.name }, { job: group.failed });
  for (const group of now.databases) if (group.unproven) bad("not proven", { name: group.name, date: group.unproven.date }, { set: group.unproven, drill: now.drills.get(group.unproven.key).job });
  if (now.damaged) bad("damaged", { n: now.damaged });
  for (const name of now.list?.unreachable ?? []) bad("storage", { name });
  for (const [name, good] of Object.entries(now.health?.targets ?? {})) if (!good) bad("target", { name });
  for (const [name, { free_bytes: free }] of Object.entries(now.health?.room ?? {})) {
    const size = now.list?.backups[0]?.bytes ?? 0;
    if (free < size * LITTLE_ROOM) bad("room", { name }, { free });
  }
  const configured = now.databases.find((group) => isConfigured(group, now.config.database?.dbname));
  if (configured && !configured.last) bad("no backup", { name: configured.name });
  if (now.schedules?.length === 0) better("no schedule");
  for (const schedule of now.schedules ?? []) if (schedule.config.paused) better("paused", { name: schedule.name }, { schedule });
  for (const group of now.databases) if (group.last && hasDrill(group.last) && !group.proven && !group.unproven) better("unproven", { name: group.name }, { set: group.last });
  return found;
}
