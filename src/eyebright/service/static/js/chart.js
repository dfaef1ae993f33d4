// Small charts: bars with their values, and a curve over numbers.
import { h, svg } from "./dom.js";

/** Bars for {name, value, text?} with values from 0 to 1; without a text the value is written in per cent. */
export function bars(rows, label) {
  return h(
    "ul",
    { class: "bars", "aria-label": label },
    rows.map(({ name, value, text }) =>
      h(
        "li",
        {},
        h("span", { class: "name", title: name }, name),
        h("span", { class: "value" }, text ?? `${(100 * value).toFixed(1)} %`),
        svg(
          "svg",
          { viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
          svg("rect", { class: "rail", width: 100, height: 8, rx: 1 }),
          svg("rect", { width: Math.max(100 * value, 0.5), height: 8, rx: 1 }),
        ),
      ),
    ),
  );
}

/** A curve through [x, y] pairs, with the ends of both axes written; `second` is drawn with dashes over the same axes. */
export function curve(points, label, { width = 480, height = 200, second = null } = {}) {
  const left = 48, below = 28;
  const all = [...points, ...(second ?? [])];
  const xs = all.map(([x]) => x), ys = all.map(([, y]) => y);
  const [x0, x1] = [Math.min(...xs), Math.max(...xs)];
  const [y0, y1] = [Math.min(0, ...ys), Math.max(...ys)];
  const across = (x) => left + ((x - x0) / (x1 - x0 || 1)) * (width - left - 8);
  const down = (y) => 8 + (1 - (y - y0) / (y1 - y0 || 1)) * (height - below - 8);
  const text = (x, y, words, anchor) => {
    const element = svg("text", { x, y, "text-anchor": anchor });
    element.textContent = words;
    return element;
  };
  const path = (pairs) => `M${pairs.map(([x, y]) => `${across(x)} ${down(y)}`).join("L")}`;
  const short = (value) => Number(value.toPrecision(3)).toLocaleString("en");
  return svg(
    "svg",
    { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label },
    svg("line", { class: "axis", x1: left, x2: width - 8, y1: down(y0), y2: down(y0) }),
    svg("line", { class: "axis", x1: left, x2: left, y1: 8, y2: down(y0) }),
    svg("path", { class: "curve", d: path(points) }),
    ...(second ? [svg("path", { class: "curve second", d: path(second) })] : []),
    text(left - 6, down(y1) + 10, short(y1), "end"),
    text(left - 6, down(y0), short(y0), "end"),
    text(left, height - 6, short(x0), "start"),
    text(width - 8, height - 6, short(x1), "end"),
  );
}
