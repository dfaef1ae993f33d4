// A picture on which boxes, lines and polygons are drawn with mouse, touch or keyboard.
//
// Shapes are {kind: "box" | "line" | "polygon", points: [[x, y], ...]} in pixels of the picture; a box has two corners.
// Mouse and touch: drag makes a box or a line, taps add corners of a polygon (a double tap or Enter ends it), shapes and
// their corners can be dragged. Keyboard: Enter makes a shape in the middle, N goes to the next corner or shape, arrows
// move what is chosen, Shift and arrows resize a box, Insert adds a corner to a polygon, Delete removes, Escape lets go.
import { announce, h, svg, words } from "./dom.js";

const HANDLE = 7;

export class Surface {
  /** `change(shapes)` is called after every change; `single` keeps one shape only. */
  constructor(place, { tool = "box", single = true, change = () => {}, describedBy = null } = {}) {
    this.tool = tool;
    this.single = single;
    this.change = change;
    this.shapes = [];
    this.chosen = -1; // shape
    this.corner = -1; // of the chosen shape; -1: the whole
    this.open = null; // polygon that is being drawn
    this.image = h("img", { alt: "", draggable: "false" });
    this.layer = svg("svg", { "aria-hidden": "true", preserveAspectRatio: "none" });
    this.element = h(
      "div",
      { class: "surface", tabindex: "0", role: "application", "aria-label": words("region.surface"), "aria-describedby": describedBy },
      this.image,
      this.layer,
    );
    place.replaceChildren(this.element);
    this.image.addEventListener("load", () => this.draw());
    this.element.addEventListener("pointerdown", (event) => this.down(event));
    this.element.addEventListener("pointermove", (event) => this.move(event));
    this.element.addEventListener("pointerup", (event) => this.up(event));
    this.element.addEventListener("pointercancel", (event) => this.up(event));
    this.element.addEventListener("dblclick", () => this.close());
    this.element.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  /** Show another picture without shapes. Resolves to its width and height. */
  async show(address) {
    this.shapes = [];
    this.chosen = this.corner = -1;
    this.open = null;
    this.image.src = address;
    await this.image.decode();
    this.draw();
    return [this.image.naturalWidth, this.image.naturalHeight];
  }

  clear() {
    if (!this.shapes.length && !this.open) return;
    this.shapes = [];
    this.open = null;
    this.chosen = this.corner = -1;
    this.changed();
  }

  get size() {
    return [this.image.naturalWidth || 1, this.image.naturalHeight || 1];
  }

  place(event) {
    const frame = this.element.getBoundingClientRect();
    const [width, height] = this.size;
    const inside = (value, most) => Math.min(Math.max(value, 0), most);
    return [
      inside(((event.clientX - frame.left) / frame.width) * width, width),
      inside(((event.clientY - frame.top) / frame.height) * height, height),
    ];
  }

  /** Pixels of the picture for one pixel of the screen. */
  get scale() {
    return this.size[0] / Math.max(this.element.clientWidth, 1);
  }

  down(event) {
    if (event.button !== 0 || !this.image.naturalWidth) return;
    event.preventDefault();
    this.element.focus({ preventScroll: true });
    this.element.setPointerCapture(event.pointerId);
    const at = this.place(event);
    this.from = at;
    this.grabbed = this.hit(at);
    if (this.open) {
      this.open.points.push(at);
    } else if (this.grabbed) {
      [this.chosen, this.corner] = this.grabbed;
      this.before = this.shapes[this.chosen].points.map((point) => [...point]);
    } else if (this.tool === "polygon") {
      this.open = { kind: "polygon", points: [at] };
    } else {
      this.draft = { kind: this.tool, points: [at, at] };
    }
    this.draw();
  }

  move(event) {
    if (!this.from) return;
    const at = this.place(event);
    if (this.draft) {
      this.draft.points[1] = at;
    } else if (this.grabbed && this.before) {
      this.shift(at[0] - this.from[0], at[1] - this.from[1], this.before);
    }
    this.draw();
  }

  up(event) {
    if (!this.from) return;
    const at = this.place(event);
    const moved = Math.hypot(at[0] - this.from[0], at[1] - this.from[1]) / this.scale;
    this.from = null;
    if (this.draft) {
      const draft = this.draft;
      this.draft = null;
      if (moved >= 6) this.add(draft);
      else this.draw();
    } else if (this.grabbed && this.before) {
      this.before = null;
      this.changed();
    }
  }

  /** The [shape, corner] under a place; corner -1: inside. */
  hit([x, y]) {
    const near = (HANDLE + 6) * this.scale;
    for (let index = this.shapes.length - 1; index >= 0; index -= 1) {
      const corner = corners(this.shapes[index]).findIndex(([a, b]) => Math.hypot(a - x, b - y) < near);
      if (corner >= 0) return [index, corner];
    }
    for (let index = this.shapes.length - 1; index >= 0; index -= 1) {
      if (contains(this.shapes[index], [x, y], near)) return [index, -1];
    }
    return null;
  }

  add(shape) {
    if (shape.kind === "box") shape.points = sorted(shape.points);
    this.shapes = this.single ? [shape] : [...this.shapes, shape];
    this.chosen = this.shapes.length - 1;
    this.corner = -1;
    this.changed();
  }

  close() {
    const open = this.open;
    this.open = null;
    if (!open) return;
    // a double tap puts two corners in one place
    const points = open.points.filter((point, i, all) => !i || Math.hypot(point[0] - all[i - 1][0], point[1] - all[i - 1][1]) > this.scale);
    if (points.length >= 3) this.add({ kind: "polygon", points });
    else this.draw();
  }

  /** Move the chosen corner or shape from where it was. */
  shift(dx, dy, before) {
    const shape = this.shapes[this.chosen];
    const [width, height] = this.size;
    const inside = ([x, y]) => [Math.min(Math.max(x, 0), width), Math.min(Math.max(y, 0), height)];
    if (this.corner < 0) {
      const xs = before.map(([x]) => x), ys = before.map(([, y]) => y);
      const right = Math.min(Math.max(dx, -Math.min(...xs)), width - Math.max(...xs));
      const down = Math.min(Math.max(dy, -Math.min(...ys)), height - Math.max(...ys));
      shape.points = before.map(([x, y]) => [x + right, y + down]);
    } else if (shape.kind === "box") {
      const [[x1, y1], [x2, y2]] = before;
      const [left, top] = [this.corner === 0 || this.corner === 3, this.corner < 2];
      const a = inside([left ? x1 + dx : x1, top ? y1 + dy : y1]);
      const b = inside([left ? x2 : x2 + dx, top ? y2 : y2 + dy]);
      shape.points = [a, b];
    } else {
      shape.points = before.map((point, i) => (i === this.corner ? inside([point[0] + dx, point[1] + dy]) : point));
    }
  }

  key(event) {
    const [width, height] = this.size;
    const step = (event.ctrlKey ? 1 : Math.max(width, height) / 50);
    const arrows = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    const shape = this.shapes[this.chosen];
    if (event.key in arrows && shape) {
      const [dx, dy] = arrows[event.key];
      const corner = this.corner;
      if (event.shiftKey && shape.kind === "box") this.corner = 2;
      this.shift(dx, dy, shape.points.map((point) => [...point]));
      if (shape.kind === "box") shape.points = sorted(shape.points);
      this.corner = corner;
      this.changed();
    } else if (event.key === "Enter") {
      if (this.open) this.close();
      else if (!this.single || !this.shapes.length) this.add(middle(this.tool, width, height));
    } else if (event.key === "Delete" || event.key === "Backspace") {
      if (!shape) return;
      if (shape.kind === "polygon" && this.corner >= 0 && shape.points.length > 3) shape.points.splice(this.corner, 1);
      else this.shapes.splice(this.chosen, 1);
      this.corner = -1;
      this.chosen = this.shapes.length - 1;
      this.changed();
      if (!this.shapes.length) announce(words("region.removed"));
    } else if (event.key === "n" || event.key === "N") {
      if (!shape) return;
      this.corner += 1;
      if (this.corner >= corners(shape).length) {
        this.corner = -1;
        this.chosen = (this.chosen + 1) % this.shapes.length;
      }
      this.draw();
      announce(describe(this.shapes[this.chosen]));
    } else if (event.key === "Insert" && shape?.kind === "polygon") {
      const at = Math.max(this.corner, 0);
      const [a, b] = [shape.points[at], shape.points[(at + 1) % shape.points.length]];
      shape.points.splice(at + 1, 0, [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]);
      this.corner = at + 1;
      this.changed();
    } else if (event.key === "Escape") {
      this.open = null;
      this.chosen = this.corner = -1;
      this.draw();
    } else return;
    event.preventDefault();
  }

  changed() {
    for (const shape of this.shapes) if (shape.kind === "box") shape.points = sorted(shape.points);
    this.draw();
    announce(this.shapes.length ? describe(this.shapes[this.chosen] ?? this.shapes.at(-1)) : words("region.none"));
    this.change(this.shapes);
  }

  draw() {
    const [width, height] = this.size;
    this.layer.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const parts = [];
    const boxes = this.shapes.filter((shape) => shape.kind === "box");
    if (this.single && boxes.length) {
      const [[x1, y1], [x2, y2]] = sorted(boxes[0].points);
      parts.push(svg("path", { class: "shade", "fill-rule": "evenodd", d: `M0 0H${width}V${height}H0zM${x1} ${y1}H${x2}V${y2}H${x1}z` }));
    }
    for (const shape of [...this.shapes, this.draft, this.open].filter(Boolean)) {
      parts.push(svg("path", { class: "under", d: outline(shape) }), svg("path", { class: "shape", d: outline(shape) }));
    }
    const shape = this.shapes[this.chosen];
    const size = HANDLE * this.scale;
    for (const [i, [x, y]] of (shape ? corners(shape) : this.open?.points ?? []).entries()) {
      const chosen = i === this.corner ? "handle chosen" : "handle";
      parts.push(svg("rect", { class: chosen, x: x - size, y: y - size, width: 2 * size, height: 2 * size, rx: size / 3 }));
    }
    this.layer.replaceChildren(...parts);
  }
}

function sorted([[a, b], [c, d]]) {
  return [[Math.min(a, c), Math.min(b, d)], [Math.max(a, c), Math.max(b, d)]];
}

/** Corners clockwise from the top left. */
function corners(shape) {
  if (shape.kind !== "box") return shape.points;
  const [[x1, y1], [x2, y2]] = shape.points;
  return [[x1, y1], [x2, y1], [x2, y2], [x1, y2]];
}

function outline(shape) {
  const points = corners(shape).map(([x, y]) => `${x} ${y}`);
  return `M${points.join("L")}${shape.kind === "line" ? "" : "z"}`;
}

function contains(shape, [x, y], near) {
  const points = corners(shape);
  if (shape.kind === "line") {
    const [[a, b], [c, d]] = points;
    const along = Math.min(Math.max(((x - a) * (c - a) + (y - b) * (d - b)) / ((c - a) ** 2 + (d - b) ** 2 || 1), 0), 1);
    return Math.hypot(a + along * (c - a) - x, b + along * (d - b) - y) < near;
  }
  let inside = false;
  points.forEach(([a, b], i) => {
    const [c, d] = points[(i + 1) % points.length];
    if (b > y !== d > y && x < ((c - a) * (y - b)) / (d - b) + a) inside = !inside;
  });
  return inside;
}

function middle(kind, width, height) {
  const [x1, y1, x2, y2] = [width * 0.25, height * 0.25, width * 0.75, height * 0.75];
  if (kind === "polygon") return { kind, points: [[x1, y1], [x2, y1], [x2, y2], [x1, y2]] };
  return { kind, points: kind === "line" ? [[x1, height / 2], [x2, height / 2]] : [[x1, y1], [x2, y2]] };
}

function describe(shape) {
  if (shape.kind === "polygon") return words("region.polygon", { count: shape.points.length });
  const [[x1, y1], [x2, y2]] = shape.points.map((point) => point.map(Math.round));
  return words(`region.${shape.kind}`, { x1, y1, x2, y2 });
}
