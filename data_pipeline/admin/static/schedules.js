// How schedules stand, one a row.

import { BASE, call, Failure } from "/panel/api.js";
import { since } from "/panel/clock.js";
import { busy, link, tell, writeButton } from "/panel/controls.js";
import { el, name as broken } from "/panel/dom.js";
import { problem, serverText } from "/panel/problem.js";
import { scheduledName } from "/panel/resource_forms.js";
import { address, go } from "/panel/router.js";
import { nameIn, setAddress } from "/panel/sets.js";
import { databaseOf } from "/panel/situation.js";
import { table } from "/panel/table.js";
import { duration, t } from "/panel/text.js";

// again: draws the page anew. more(schedule): further buttons.
export function scheduleTable(schedules, config, again, more = () => null) {
  const columns = [
    { key: "name", label: t("schedule"), kind: "any", cell: (one) => [broken(one.name), el("div", { class: "tags" }, one.source === "environment" && el("span", { class: "tag" }, t("source.environment")), one.config.paused && el("span", { class: "tag" }, t("paused")))] },
    { key: "what", label: t("database"), kind: "any", cell: (one) => [broken(databaseOf(one, config) ?? "–"), el("div", { class: "hint" }, `${scheduledName(one.config.kind)} · ${one.config.when} `, broken(one.config.zone))] },
    { key: "good", label: t("last good"), cell: lastGood },
    { key: "next", label: t("next due"), kind: "fixed", cell: nextDue },
    { key: "failure", label: t("last failure"), kind: "check", cell: lastFailure },
    { key: "proven", label: t("last proven"), kind: "fixed", cell: ({ status }) => (status?.proven_at ? since(new Date(status.proven_at)) : t("never")) },
    { key: "actions", label: "", kind: "actions", cell: (one) => [runButton(one), one.source === "api" && pauseButton(one, again), more(one)] },
  ];
  return table(t("schedules"), columns, schedules);
}

function lastGood({ config: { kind }, status }) {
  const good = status?.last_good;
  if (!good) return t("never");
  const when = since(new Date(good.finished_at));
  const facts = [good.rows !== undefined && t("n rows", { n: good.rows }), good.duration !== undefined && duration(good.duration)].filter(Boolean);
  if (kind === "stack_backup") return link(when, address(["stacks"]));
  return [good.timestamp ? link(when, setAddress("backups", nameIn(good))) : when, facts.length > 0 && el("div", { class: "hint" }, facts.join(" · "))];
}

function nextDue({ config, status }) {
  if (config.paused) return t("paused");
  if (!status) return t("unknown");
  return [status.next_due && since(new Date(status.next_due)), status.overdue && el("div", { class: "bad" }, "✕ ", t("overdue"))];
}

function lastFailure({ status }) {
  const bad = status?.last_failure;
  if (!bad) return "–";
  const when = since(new Date(bad.finished_at));
  return [bad.job_id ? link(when, address(["jobs", bad.job_id])) : when, bad.error && el("div", { class: "hint" }, serverText(bad.error))];
}

function told(work, title) {
  return work().catch((error) => {
    if (!(error instanceof Failure)) throw error;
    tell(title, problem(error));
  });
}

function runButton({ name }) {
  const url = `/schedules/${encodeURIComponent(name)}/run`;
  const run = async () => go(address(["jobs", (await call("POST", url, undefined, { prefix: BASE })).job_id]));
  const control = writeButton(t("run now"), () => busy(control, () => told(run, t("run.failed", { name }))), { "aria-label": `${t("run now")} ${name}`, needs: "operate" });
  return control;
}

function pauseButton({ name, config }, again) {
  const label = t(config.paused ? "resume" : "pause");
  const change = async () => {
    await call("PUT", `/schedules/${encodeURIComponent(name)}`, { ...config, paused: !config.paused }, { prefix: BASE });
    await again();
  };
  const control = writeButton(label, () => busy(control, () => told(change, name)), { "aria-label": `${label} ${name}` });
  return control;
}

