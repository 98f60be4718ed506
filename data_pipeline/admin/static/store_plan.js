// A dry run of another store's restore in plain words: what would happen, what would be gone, and whether it would work.

import { bytes, t } from "/panel/text.js";

// {good, problems, lines: [{text, loss}], losing, undo: {text, loss}, confirmed: the name that is typed, label}
export function storePlan(job) {
  const { kind, request, result } = job;
  const family = kind.replace(/_restore$/, "");
  if (family === "stack") return stackPlan(job);
  const lines = WORDS[family](result, request);
  const losing = lines.some((line) => line.loss);
  const { name } = result.target;
  return { good: !result.problems?.length, problems: result.problems ?? [], lines, losing, undo: wayBack(family, request, losing), confirmed: name, label: t("type target", { name }) };
}

function milvus({ restore_results: found }, request) {
  return Object.entries(found).flatMap(([name, one]) => {
    const values = { name, into: one.name, rows: one.rows, before: one.rows_before ?? "?" };
    const line = { text: t(`milvus.plan.${one.action}`, values), loss: one.action !== "would_create" && one.rows_before !== 0 };
    return request.meta_only ? [line, said("milvus.plan.meta", { name: one.name })] : [line];
  });
}

function redis({ databases, mode }, { on_conflict: conflict }) {
  return Object.entries(databases).flatMap(([name, one]) => {
    const into = { name, into: one.database };
    const lines = [said("redis.plan.add", { ...into, n: one.only_in_backup, same: one.same })];
    if (one.different) lines.push(mode === "merge" && conflict !== "update" ? said("redis.plan.keep", { ...into, n: one.different }) : lost("redis.plan.overwrite", { ...into, n: one.different }));
    if (one.only_in_other) lines.push(mode === "merge" ? said("redis.plan.stay", { ...into, n: one.only_in_other }) : lost("redis.plan.remove", { ...into, n: one.only_in_other }));
    if (one.expired) lines.push(said("redis.plan.expired", { ...into, n: one.expired }));
    return lines;
  });
}

function neo4j({ mode, graph, live, batches, created }) {
  const lines = [said(`neo4j.plan.${mode}`, { nodes: graph.nodes, relationships: graph.relationships })];
  if (mode === "replace" && live?.nodes) lines.push(lost("neo4j.plan.remove", { nodes: live.nodes, relationships: live.relationships }));
  if (mode === "merge" && live?.nodes) lines.push(lost("neo4j.plan.change", { nodes: live.nodes }));
  if (created.length) lines.push(said("plan.created", { names: created.join(", ") }));
  lines.push(said(batches ? "neo4j.plan.batches" : "neo4j.plan.whole"));
  return lines;
}

function objects({ objects: counts, samples }) {
  const named = (key) => (samples[key]?.length ? ` (${samples[key].slice(0, 3).join(", ")}${samples[key].length > 3 ? " …" : ""})` : "");
  const lines = [said("objects.plan.add", { n: counts.added, same: counts.unchanged, size: bytes(counts.bytes) })];
  if (counts.replaced) lines.push(lost("objects.plan.replace", { n: counts.replaced, names: named("replaced") }));
  if (counts.removed) lines.push(lost("objects.plan.remove", { n: counts.removed, names: named("removed") }));
  if (counts.kept) lines.push(said("objects.plan.keep", { n: counts.kept, names: named("kept") }));
  return lines;
}

const WORDS = { milvus, redis, neo4j, objects };

// What is left of what was there before.
function wayBack(family, request, losing) {
  const kept = {
    milvus: request.swap && !request.drop_old && "milvus.undo",
    redis: request.keep_old && "redis.undo",
    objects: request.mode === "mirror" && request.backup_before_restore !== false && "plan.undo",
  }[family];
  if (kept) return { text: t(kept), loss: false };
  return losing ? { text: t("plan.no undo"), loss: true } : null;
}

// Of a whole database there is only its verification: a restore of it replaces what it holds.
function stackPlan({ request, result }) {
  const beside = Boolean(request.rename_suffix);
  const members = Object.entries(result.members);
  const lines = members.flatMap(([role, one]) => {
    if (one.state === "failed") return [];
    if (!one.answer) return [{ text: t(beside ? "stack.plan.beside" : "stack.plan.replace", { role }), loss: !beside }];
    return WORDS[one.family](one.answer, {}).map((line) => ({ ...line, text: `${role}: ${line.text}` }));
  });
  const problems = members.flatMap(([role, one]) => {
    if (one.state === "failed") return [{ error: `${role}: ${one.error}`, error_type: one.error_type }];
    return (one.answer?.problems ?? []).map((each) => ({ ...each, error: `${role}: ${each.error}` }));
  });
  const saved = request.backup_before_restore !== false && !beside;
  const losing = lines.some((line) => line.loss);
  return {
    good: problems.length === 0, problems, lines, losing, confirmed: result.stack, label: t("type stack", { name: result.stack }),
    undo: saved ? { text: t("plan.undo"), loss: false } : losing ? { text: t("plan.no undo"), loss: true } : null,
  };
}

const said = (key, values) => ({ text: t(key, values), loss: false });
const lost = (key, values) => ({ text: t(key, values), loss: true });
