// How each kind of operation is asked for, as a job.

import { BASE, call, PREFIX } from "/panel/api.js";

const ROOMS = { database: "databases", stack: "stacks" };

export const isBackup = (kind) => kind === "backup" || kind.endsWith("_backup");

// Whether a restore of this kind can be rehearsed, and so is before it is done.
export const isRehearsed = (kind) => kind === "restore" || (kind.endsWith("_restore") && kind !== "database_restore");

// What may be done by those who may restore: a stack as a whole is an admin's.
export const neededFor = (kind) => (kind === "stack_restore" ? "write" : "operate");

// request: as a job has it; of a stack with its name.
export function submit(kind, { stack, ...request }, more = {}) {
  const [family, what] = kind.includes("_") ? kind.split("_") : [null, kind];
  const room = [ROOMS[family] ?? family, stack && encodeURIComponent(stack)].filter(Boolean).join("/");
  return call("POST", family ? `/${room}/${what}` : `/${what}`, { ...request, async: true }, { prefix: family ? BASE : PREFIX, ...more });
}
