// Track a video: choose it, draw lines and zones on its first frame, run it as a job.
import { call, form, get, post } from "./api.js";
import { $, announce, h, notice, svg, toast, words } from "./dom.js";
import { JobList } from "./jobs.js";
import { Surface } from "./surface.js";
import { showResult } from "./track_result.js";
import { upload } from "./upload.js";

let source = null;
let detectors = new Map();

const surface = new Surface($("surface"), { tool: "line", single: false, describedBy: "draw-help", change: list });

// ------------------------------------------------------------------ the video

async function open(data) {
  notice($("message"), "");
  $("start").hidden = false;
  const busy = [...$("drop").querySelectorAll("button, input")];
  for (const one of busy) one.disabled = true;
  $("setup").setAttribute("aria-busy", "true");
  $("facts").textContent = "";
  try {
    source = await post("/track/sources", data);
    $("name").textContent = source.name;
    $("facts").textContent = words(source.live ? "track.facts_live" : "track.facts", { ...source, frames: source.frames ?? "?" });
    $("drop").hidden = true;
    $("chosen").hidden = false;
    $("canvas").hidden = false;
    $("start").hidden = true;
    $("run").disabled = false;
    $("seconds").required = source.live;
    $("refine").disabled = source.live;
    await surface.show(source.first_frame);
    list([]);
  } catch (problem) {
    notice($("message"), problem.message);
  } finally {
    for (const one of busy) one.disabled = false;
    $("setup").removeAttribute("aria-busy");
  }
}

upload(document.querySelector("[data-upload]"), ([file]) => open(form({ video: file })));
$("open").addEventListener("click", () => {
  const text = $("source").value.trim();
  if (text) open(form({ source: text }));
  else $("source").focus();
});
$("source").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  $("open").click();
});
$("another").addEventListener("click", () => {
  // a run that waits still needs the video, which therefore stays on the server
  source = null;
  $("drop").hidden = false;
  $("chosen").hidden = true;
  $("canvas").hidden = true;
  $("start").hidden = false;
  $("run").disabled = true;
  $("drop").querySelector("input").focus();
});

// ------------------------------------------------------------------ lines and zones

for (const button of document.querySelectorAll("[data-tool]")) {
  button.addEventListener("click", () => {
    surface.tool = button.dataset.tool;
    for (const one of document.querySelectorAll("[data-tool]")) one.setAttribute("aria-pressed", String(one === button));
    surface.element.focus();
  });
}

/** Give new shapes a name that no other has, and list all. */
function list(shapes) {
  const taken = new Set(shapes.map((shape) => shape.name));
  for (const shape of shapes) {
    for (let number = 1; !shape.name; number += 1) {
      const name = words(shape.kind === "line" ? "track.line_name" : "track.zone_name", { number });
      if (!taken.has(name)) shape.name = name;
    }
    taken.add(shape.name);
  }
  if ($("shapes").contains(document.activeElement) && $("shapes").children.length === shapes.length) return;
  $("shapes").replaceChildren(...shapes.map(row));
}

function row(shape) {
  const name = h("input", { maxlength: "60", value: shape.name, "aria-label": words("track.name_of", shape) });
  name.addEventListener("input", () => { shape.name = name.value.trim() || shape.name; });
  const remove = () => {
    surface.shapes = surface.shapes.filter((one) => one !== shape);
    surface.chosen = surface.corner = -1;
    surface.element.focus();
    surface.changed();
  };
  const turn = () => {
    shape.points.reverse();
    surface.changed();
    $("shapes").replaceChildren(...surface.shapes.map(row));
    $("shapes").children[surface.shapes.indexOf(shape)].querySelector("button").focus();
  };
  return h(
    "li",
    {},
    name,
    ...(shape.kind === "line" ? [direction(shape), h("button", { class: "secondary", type: "button", onclick: turn, "aria-label": words("track.turn_label", shape) }, words("track.turn"))] : []),
    h("button", { class: "secondary", type: "button", onclick: remove, "aria-label": words("track.remove_label", shape) }, words("track.remove")),
  );
}

/** An arrow that shows which way "in" goes: to the right hand of who walks along the line. */
function direction({ points: [[x1, y1], [x2, y2]] }) {
  const angle = (Math.atan2(x2 - x1, -(y2 - y1)) * 180) / Math.PI;
  const arrow = svg(
    "svg",
    { viewBox: "0 0 24 24", width: 20, height: 20, class: "sign", "aria-hidden": "true" },
    svg("path", { d: "M4 12h15m-6-6 6 6-6 6", transform: `rotate(${angle} 12 12)` }),
  );
  return h("span", { class: "row hint" }, words("track.in_goes"), arrow);
}

/** A shape as the API takes it; a rectangle is told by two corners. */
function text(shape) {
  const numbers = shape.points.flat().map((value) => Math.round(value * 10) / 10);
  return `${shape.name.replaceAll("=", " ")}=${numbers.join(",")}`;
}

// ------------------------------------------------------------------ running

$("model").addEventListener("change", note);
function note() {
  $("model-note").textContent = detectors.get($("model").value)?.note ?? "";
}

$("setup").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!source) return;
  notice($("message"), "");
  const number = (id) => ($(id).value === "" ? null : Number($(id).value));
  const named = (kinds) => surface.shapes.filter((shape) => kinds.includes(shape.kind)).map(text);
  $("run").disabled = true;
  try {
    const answer = await post("/track/run", {
      source: source.id,
      model: $("model").value,
      tracker: $("tracker").value,
      classes: $("classes").value.split(",").map((one) => one.trim()).filter(Boolean),
      conf: number("conf") ?? 0,
      line: named(["line"]),
      zone: named(["polygon", "box"]),
      dwell: number("dwell"),
      seconds: number("seconds"),
      refine: $("refine").checked && !source.live,
      embedder: $("looks").checked ? "efficientnet_lite0" : null,
    });
    jobs.take(answer.job);
    $("runs").scrollIntoView({ block: "nearest" });
  } catch (problem) {
    notice($("message"), problem.message);
    $("message").scrollIntoView({ block: "nearest" });
  } finally {
    $("run").disabled = source === null;
  }
});

const jobs = new JobList($("jobs"), {
  wanted(job) {
    if (job.kind !== "track.run") return false;
    $("runs").hidden = false;
    return true;
  },
  open: (job) => show(job.result.result),
  ended: (job) => job.state === "done" && show(job.result.result),
});

async function show(id) {
  try {
    await showResult(id);
    history.replaceState(null, "", `?${new URLSearchParams({ result: id })}`);
  } catch (problem) {
    notice($("message"), problem.message);
  }
}

$("remove").addEventListener("click", async () => {
  try {
    await call("DELETE", `/track/results/${$("result").dataset.id}`);
    announce(words("track.removed"));
  } catch (problem) {
    toast(problem.message);
  }
  $("result").hidden = true;
  history.replaceState(null, "", location.pathname);
});

get("/track/options")
  .then((found) => {
    detectors = new Map(found.detectors.map((one) => [one.name, one]));
    const shown = ({ name, present }) => h("option", { value: name, disabled: !present }, present ? name : words("track.absent", { name }));
    $("model").replaceChildren(...found.detectors.map(shown));
    $("tracker").replaceChildren(...found.trackers.map((name) => h("option", { value: name, selected: name === "eyebright" }, name)));
    note();
  })
  .catch((problem) => notice($("message"), problem.message));

const asked = new URLSearchParams(location.search).get("result");
if (asked) show(asked);
