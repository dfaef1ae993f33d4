// The classic toolbox: choose a tool and a picture, see what the one makes of the other.
import { ask, get, isJson } from "./api.js";
import { stored } from "./archive.js";
import { curve } from "./chart.js";
import { $, bytes, h, notice, words } from "./dom.js";
import { fields, filled } from "./fields.js";
import { Surface } from "./surface.js";
import { table } from "./table.js";
import { upload } from "./upload.js";

const SHOWN = 60; // pictures of an archive

const chosen = { image: null, other: null };
const addresses = new Set(); // of blobs that the result shows
let tools = new Map();
let running = null;
let made = null;

// ------------------------------------------------------------------ what goes in

const surface = new Surface(document.querySelector("#take-image .shown"), {
  describedBy: "box-help",
  change(shapes) {
    const box = $("field-box");
    if (box) box.value = shapes.length ? shapes[0].points.flat().map(Math.round).join(",") : "";
  },
});
const small = h("img", { class: "small", alt: "" });
document.querySelector("#take-other .shown").append(small);

async function take(name, file) {
  const place = $(`take-${name}`);
  chosen[name] = file;
  place.querySelector(".drop").hidden = file !== null;
  place.querySelector(".chosen").hidden = file === null;
  if (!file) return;
  place.querySelector(".name").textContent = file.name;
  const address = URL.createObjectURL(file);
  try {
    if (name === "image") await surface.show(address);
    else {
      small.src = address;
      await small.decode();
    }
  } catch {
    // a kind of picture that the server reads and this browser does not show
  } finally {
    URL.revokeObjectURL(address);
  }
}

for (const name of ["image", "other"]) {
  const place = $(`take-${name}`);
  const stop = upload(place.querySelector("[data-upload]"), ([file]) => take(name, file));
  if (name === "other") stop(); // what is pasted is the first picture
  place.querySelector(".chosen button").addEventListener("click", () => {
    take(name, null);
    place.querySelector("input").focus();
  });
}

function choose(name) {
  const all = [...tools.values()];
  const tool = tools.get(name) ?? all.find((one) => one.gives === "picture") ?? all[0];
  $("tool").value = tool.name;
  $("tool-summary").textContent = tool.summary;
  for (const place of document.querySelectorAll("[data-take]")) place.hidden = !tool.takes.includes(place.dataset.take);
  const parts = fields(tool.parameters);
  $("fields").replaceChildren(...parts);
  $("options").hidden = !parts.length;
  const boxed = $("field-box") !== null;
  $("box-help").hidden = !boxed;
  surface.element.inert = !boxed; // nothing to mark for the others
  if (!boxed) surface.clear();
  history.replaceState(null, "", `?${new URLSearchParams({ tool: tool.name })}`);
  return tool;
}

/** Return the uploads that a tool wants, or null when one of them is missing. */
function uploads(tool) {
  const data = new FormData();
  for (const name of tool.takes) {
    const files = name in chosen ? [chosen[name]].filter(Boolean) : [...$(name).files];
    if (!files.length) {
      notice($("message"), words(`image.missing.${name}`));
      return null;
    }
    for (const file of files) data.append(name, file, file.name);
  }
  return data;
}

// ------------------------------------------------------------------ what comes out

async function run() {
  const tool = tools.get($("tool").value);
  const data = tool && uploads(tool);
  if (!data) return;
  running?.abort();
  const mine = (running = new AbortController());
  notice($("message"), "");
  $("summary").textContent = words("image.working");
  $("result").setAttribute("aria-busy", "true");
  const began = performance.now();
  try {
    const answer = await ask("POST", `${tool.path}?${filled($("fields"))}`, data, mine.signal);
    const result = isJson(answer) ? await answer.json() : await answer.blob();
    clear();
    if (result instanceof Blob) await showBlob(tool, result);
    else showFacts(result);
    $("summary").textContent = words("image.done", { ms: Math.round(performance.now() - began) });
  } catch (problem) {
    if (problem.name === "AbortError") return;
    clear();
    $("summary").textContent = "";
    notice($("message"), problem.message);
  } finally {
    if (running === mine) $("result").removeAttribute("aria-busy");
  }
}

function clear() {
  for (const address of addresses) URL.revokeObjectURL(address);
  addresses.clear();
  $("result").replaceChildren();
  $("next").hidden = true;
  made = null;
}

function address(blob) {
  const one = URL.createObjectURL(blob);
  addresses.add(one);
  return one;
}

async function showBlob(tool, blob) {
  $("download").href = address(blob);
  $("next").hidden = false;
  const archive = blob.type === "application/zip";
  $("download").download = `${tool.name}.${archive ? "zip" : "png"}`;
  $("again").hidden = archive;
  if (archive) {
    const files = stored(await blob.arrayBuffer(), "image/png");
    $("result").append(h("p", {}, words("image.pictures", { count: files.length })));
    $("result").append(h("div", { class: "figures" }, files.slice(0, SHOWN).map(({ name, blob: one }) => figure(one, name))));
    return;
  }
  made = new File([blob], `${tool.name}.png`, { type: blob.type });
  const [before, after] = [...$("captions").content.children].map((one) => one.textContent);
  const one = tool.takes.length === 1 && chosen.image && tool.takes[0] === "image";
  const parts = one ? [figure(chosen.image, before), figure(blob, after)] : [figure(blob, after)];
  $("result").append(h("div", { class: `figures ${one ? "two" : "one"}` }, parts));
}

function figure(blob, title) {
  const caption = h("figcaption", {}, title);
  const picture = h("img", { src: address(blob), alt: title });
  picture.addEventListener("load", () => {
    const size = { width: picture.naturalWidth, height: picture.naturalHeight, bytes: bytes(blob.size) };
    caption.textContent = `${title} · ${words("image.size", size)}`;
  });
  return h("figure", {}, h("div", { class: "frame" }, picture), caption);
}

/** Facts as a table; a long row of numbers as a curve. */
function showFacts(facts) {
  const rows = [], curves = [];
  const visit = (name, value) => {
    if (isCurve(value)) curves.push([name, value]);
    else if (Array.isArray(value) && value.length === 3 && value.every(isCurve)) {
      value.forEach((one, i) => curves.push([`${name}, ${words(`image.channel.${i}`)}`, one]));
    }
    else if (value !== null && typeof value === "object" && !Array.isArray(value)) {
      for (const [inner, one] of Object.entries(value)) visit(name ? `${name}.${inner}` : inner, one);
    } else rows.push([name, value]);
  };
  visit("", facts);
  const columns = [
    { title: words("image.name"), cell: ([name]) => name },
    { title: words("image.value"), cell: ([, value]) => h("span", { class: "mono" }, text(value)) },
  ];
  const label = $("result-title").textContent;
  $("result").append(
    h("div", { class: "scroll panel", tabindex: "0", role: "region", "aria-label": label }, table(columns, rows)),
    h("div", { class: "figures two" }, curves.map(([name, values]) => {
      const title = words("image.curve", { name, last: values.length - 1 });
      return h("figure", {}, curve(values.map((value, i) => [i, value]), title), h("figcaption", {}, title));
    })),
  );
}

const isCurve = (value) => Array.isArray(value) && value.length >= 64 && value.every(Number.isFinite);

function text(value) {
  if (Array.isArray(value)) {
    const lines = value.map(text);
    return value.some(Array.isArray) ? lines.join("\n") : lines.join(", ");
  }
  if (value !== null && typeof value === "object") return JSON.stringify(value);
  return typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(6))) : String(value ?? "");
}

// ------------------------------------------------------------------ begin

$("tool").addEventListener("change", () => choose($("tool").value));
$("tool-form").addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
$("again").addEventListener("click", async () => {
  await take("image", made);
  $("tool").focus();
});
get("/image")
  .then(({ items }) => {
    tools = new Map(items.map((tool) => [tool.name, tool]));
    $("tool").replaceChildren(...items.map((tool) => h("option", { value: tool.name }, tool.name)));
    choose(new URLSearchParams(location.search).get("tool"));
    $("result").replaceChildren($("start").content.cloneNode(true));
  })
  .catch((problem) => notice($("message"), problem.message));
