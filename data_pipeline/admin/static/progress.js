// How far a job is, and the button that cancels it.

import { call } from "/panel/api.js";
import { busy, writeButton } from "/panel/controls.js";
import { announce, el, show } from "/panel/dom.js";
import { problem } from "/panel/problem.js";
import { bytes, duration, t } from "/panel/text.js";

const SAID_EVERY = 25;

// {node, update(job), silent(whether no news comes through)}. The parts stay the same nodes, so that a screen reader or a finger isn't thrown off.
export function progressPanel(jobId) {
  const bar = el("progress", { max: 100, "aria-label": t("progress") });
  const phase = el("p", { class: "phase" });
  const numbers = el("p", { class: "hint numbers" });
  const trouble = el("div", { class: "trouble" });
  const cancel = writeButton(t("cancel job"), () => busy(cancel, () => call("POST", `/jobs/${jobId}/cancel`)).catch((error) => show(trouble, problem(error))), { needs: "operate" });
  const silence = el("p", { class: "note", role: "status", hidden: true });
  const silent = (lost) => {
    silence.hidden = !lost;
    show(silence, lost && t("silence"));
  };
  let said = "";
  const update = (job) => {
    const { progress, state } = job;
    const name = phaseName(job);
    if (progress) bar.value = progress.percent;
    show(phase, name);
    show(numbers, progress ? counts(progress) : "");
    cancel.hidden = state === "CANCELLING";
    const step = `${name} ${progress ? Math.floor(progress.percent / SAID_EVERY) * SAID_EVERY : 0}%`;
    if (step !== said) announce(said = step);
  };
  return { silent, update, node: el("section", { class: "card progress" }, silence, phase, bar, numbers, el("div", { class: "actions" }, cancel), trouble) };
}

function phaseName({ state, kind, progress }) {
  if (state === "PENDING") return t("state.PENDING");
  if (state === "CANCELLING") return t("state.CANCELLING");
  if (!progress) return t("state.RUNNING");
  const name = t(kind === "backup" && progress.phase === "load" ? "phase.save" : `phase.${progress.phase}`);
  return progress.table ? `${name}: ${progress.table}` : name;
}

function counts(progress) {
  const size = progress.bytes_total ? t("bytes of", { done: bytes(progress.bytes_done), total: bytes(progress.bytes_total) }) : bytes(progress.bytes_done);
  const parts = [
    `${Math.floor(progress.percent)}%`,
    progress.bytes_done > 0 && size,
    progress.rows_done > 0 && t("n rows", { n: progress.rows_done }),
    progress.eta_seconds !== null && progress.percent < 100 && t("eta", { time: duration(progress.eta_seconds) }),
  ];
  return parts.filter(Boolean).join(" · ");
}
