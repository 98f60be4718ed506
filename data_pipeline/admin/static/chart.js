// Size and rows of a location's backups over time, as two lines, each on its own scale.

import { el, svg } from "/panel/dom.js";
import { bytes, number, t } from "/panel/text.js";

const WIDTH = 320;
const HEIGHT = 90;
const EDGE = 6;

// points: [{made, bytes, rows}], oldest first; rows may be null.
export function chart(name, points) {
  const rows = points.filter((point) => point.rows !== null);
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": summary(name, points, rows) },
    svg("line", { x1: EDGE, y1: HEIGHT - EDGE, x2: WIDTH - EDGE, y2: HEIGHT - EDGE, class: "axis" }),
    line(points, points, (point) => point.bytes, "size"),
    line(points, rows, (point) => point.rows, "rows"));
  return el("figure", { class: "chart" },
    el("figcaption", {}, el("strong", {}, name), el("span", { class: "hint" }, t("chart.count", { n: points.length }))),
    picture,
    el("p", { class: "legend" },
      el("span", { class: "size" }, `${t("size")} ${span(points.map((point) => point.bytes), bytes)}`),
      rows.length > 0 && el("span", { class: "rows" }, `${t("rows")} ${span(rows.map((point) => point.rows), number)}`)));
}

function summary(name, points, rows) {
  const size = span(points.map((point) => point.bytes), bytes);
  return t("chart.summary", { name, n: points.length, size, rows: rows.length ? span(rows.map((point) => point.rows), number) : "–" });
}

function span(values, format) {
  const [first, last] = [format(values[0]), format(values.at(-1))];
  return first === last ? last : `${first} → ${last}`;
}

function line(all, points, value, kind) {
  const [from, to] = [all[0].made.getTime(), all.at(-1).made.getTime()];
  const top = Math.max(...points.map(value), 1);
  const x = (point) => EDGE + ((point.made.getTime() - from) / (to - from || 1)) * (WIDTH - 2 * EDGE);
  const y = (point) => HEIGHT - EDGE - (value(point) / top) * (HEIGHT - 3 * EDGE);
  const places = points.map((point) => [x(point).toFixed(1), y(point).toFixed(1)]);
  return svg("g", { class: kind },
    svg("polyline", { points: places.map((place) => place.join(",")).join(" ") }),
    places.map(([cx, cy]) => svg("circle", { cx, cy, r: 2.5 })));
}
