// Small curves: how one number of one database went over time.

import { el, svg } from "/panel/dom.js";
import { moment, t } from "/panel/text.js";

const WIDTH = 240;
const HEIGHT = 48;
const EDGE = 4;

// points: [{at, value}], oldest first, at least two. format(value): in words.
export function curve(label, points, format) {
  const first = points[0];
  const last = points.at(-1);
  const summary = t("curve.summary", { label, n: points.length, first: format(first.value), last: format(last.value), from: moment(first.at) });
  return el("figure", { class: "curve" },
    el("figcaption", {}, el("span", { class: "hint" }, label), " ", el("strong", {}, format(last.value))),
    svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": summary, preserveAspectRatio: "none" },
      svg("title", {}, summary),
      svg("polyline", { points: placed(points).map((place) => place.join(",")).join(" "), "vector-effect": "non-scaling-stroke" })));
}

function placed(points) {
  const [from, to] = [points[0].at.getTime(), points.at(-1).at.getTime()];
  const top = Math.max(...points.map((point) => point.value), 1);
  return points.map(({ at, value }) => [
    (EDGE + ((at.getTime() - from) / (to - from || 1)) * (WIDTH - 2 * EDGE)).toFixed(1),
    (HEIGHT - EDGE - (value / top) * (HEIGHT - 2 * EDGE)).toFixed(1),
  ]);
}
