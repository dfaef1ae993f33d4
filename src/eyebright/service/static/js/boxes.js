// A picture with boxes on it, each with its class and score.
import { h, svg } from "./dom.js";

const TEXT = 14; // pixels of the screen
const observers = new WeakMap();

/** One colour a class, far from those of the next classes. */
function hue(class_id) {
  return Math.round((class_id * 137.5 + 160) % 360);
}

/** Show `rows` of {class, class_id, confidence (or null), box, keypoints?} on a picture of `width` x `height` pixels. */
export function boxes(place, { address, alt, width, height }, rows) {
  let image = place.querySelector("img");
  if (!image || image.src !== address) {
    image = h("img", { src: address, width, height });
    place.replaceChildren(image, svg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" }));
  }
  image.alt = alt;
  const layer = place.querySelector("svg");
  const draw = () => {
    const scale = width / Math.max(image.clientWidth, 1); // pixels of the picture for one of the screen
    // the best lie on top
    layer.replaceChildren(...[...rows].reverse().flatMap((row) => one(row, scale, width)));
  };
  observers.get(place)?.disconnect();
  const observer = new ResizeObserver(draw);
  observer.observe(image);
  observers.set(place, observer);
  draw();
}

function one(row, scale, width) {
  const [x1, y1, x2, y2] = row.box;
  const text = row.confidence === null ? row.class : `${row.class} ${row.confidence.toFixed(2)}`;
  const line = TEXT * 1.5 * scale;
  const long = (text.length * 0.66 + 0.8) * TEXT * scale;
  const left = Math.max(0, Math.min(x1, width - long));
  const top = y1 >= line ? y1 - line : y1; // inside where there is no room above
  const dark = `hsl(${hue(row.class_id)} 80% 24%)`;
  const bright = `hsl(${hue(row.class_id)} 90% 55%)`;
  const points = (row.keypoints ?? []).map(([x, y]) => svg("circle", { cx: x, cy: y, r: 3 * scale, fill: bright }));
  const label = svg("text", { x: left + 0.4 * TEXT * scale, y: top + 1.1 * TEXT * scale, "font-size": TEXT * scale, fill: "#ffffff" });
  label.textContent = text;
  return [
    svg("rect", { class: "under", x: x1, y: y1, width: x2 - x1, height: y2 - y1, stroke: dark }),
    svg("rect", { class: "over", x: x1, y: y1, width: x2 - x1, height: y2 - y1, stroke: bright }),
    ...points,
    svg("rect", { x: left, y: top, width: long, height: line, fill: dark }),
    label,
  ];
}
