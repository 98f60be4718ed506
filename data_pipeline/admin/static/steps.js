// How far a restore has come.

import { el } from "/panel/dom.js";
import { t } from "/panel/text.js";

const STEPS = ["choose", "check", "confirm"];

export function steps(current) {
  return el("ol", { class: "steps", "aria-label": t("steps") }, STEPS.map((name, n) =>
    el("li", { "aria-current": n + 1 === current ? "step" : null, class: n + 1 < current && "done" }, t(`step.${name}`))));
}
