// Find objects in a picture; the least score and the class are chosen among what was found, without looking again.
import { ask, form, get, post } from "./api.js";
import { boxes } from "./boxes.js";
import { $, count, h, notice, toast, words } from "./dom.js";
import { JobList } from "./jobs.js";
import { table } from "./table.js";
import { upload } from "./upload.js";

const LEAST = 0.05; // as low as the page asks
const SUFFIXES = { json: "json", coco: "json", yolo: "zip", voc: "xml", picture: "jpg", mask: "png" };
const OBJECTS = ["json", "coco", "yolo", "voc", "picture"];
const KINDS = { semantic: ["mask"], instance: ["mask", "coco", "yolo", "voc"] }; // of segments, beside picture and facts
const TASKS = { detection: "detect", segmentation: "segment", pose: "pose", depth: "depth" };
const FILES = { detection: ["pictures", "coco", "yolo", "voc"], segmentation: ["pictures", "masks", "coco"], pose: ["pictures", "coco"], depth: ["pictures"] };
const PATHS = { segmentation: "segment", pose: "pose", depth: "depth" };

let file = null;
let files = [];
let models = new Map();
let answer = null; // of the last question, with what was asked
let running = null;
let jobs = null; // of this page
const mine = new Set(); // their ids
const addresses = new Set();

function hold(blob) {
  const address = URL.createObjectURL(blob);
  addresses.add(address);
  return address;
}

function choose(chosen) {
  files = chosen;
  [file = null] = files;
  const several = files.length > 1;
  $("drop").hidden = Boolean(file);
  $("chosen").hidden = !file;
  $("file-name").textContent = several ? words("detect.chosen", { count: count(files.length) }) : (file?.name ?? "");
  $("several").hidden = $("all").hidden = !several;
  $("which").replaceChildren(...files.map((one, number) => h("option", { value: number }, one.name)));
  if (file) run();
}

/** Look at all pictures in the background; the job list has the files that come out. */
async function all() {
  const model = meant();
  const body = form({ task: TASKS[model.task], model: model.name, tiles: tiled(model) });
  for (const one of files) body.append("files", one);
  for (const one of FILES[model.task]) body.append("formats", one);
  try {
    const { job } = await post("/detect/batch", body);
    jobs ??= new JobList($("jobs"), { wanted: (one) => mine.has(one.id) });
    mine.add(job.id);
    jobs.take(job);
  } catch (problem) {
    toast(problem.message);
  }
}

function tiled(model) {
  return ["detection", "segmentation"].includes(model.task) ? $("tiles").value : "";
}

function meant() {
  const name = $("model").value;
  return models.get(name);
}

function named() {
  const one = meant();
  $("tiles").disabled = !["detection", "segmentation"].includes(one?.task);
  $("why").textContent = one?.reason ?? "";
}

// ------------------------------------------------------------------ asking

async function run() {
  if (!file) return notice($("message"), words("detect.missing"));
  running?.abort();
  const signalled = (running = new AbortController());
  const model = meant();
  const asked = { image: file, model: model.name, tiles: tiled(model) };
  notice($("message"), "");
  $("summary").textContent = words("detect.working");
  $("found").setAttribute("aria-busy", "true");
  try {
    if (model.task === "detection") await objects(model, asked, signalled.signal);
    else await whole(model, asked, signalled.signal);
    $("found").hidden = false;
  } catch (problem) {
    if (problem.name === "AbortError") return;
    $("summary").textContent = "";
    $("found").hidden = true;
    notice($("message"), problem.message);
  } finally {
    if (running === signalled) $("found").removeAttribute("aria-busy");
  }
}

function forget() {
  for (const address of addresses) URL.revokeObjectURL(address);
  addresses.clear();
}

async function objects(model, asked, signal) {
  const found = await post("/detect/run", form({ ...asked, conf: LEAST }), signal);
  forget();
  answer = { ...found, asked, picture: await seen(asked, found, signal) };
  $("controls").hidden = $("objects").hidden = false;
  $("least").value = model.confidence;
  const classes = [...new Set(found.detections.map((one) => one.class))].sort();
  $("only").replaceChildren($("only").options[0], ...classes.map((name) => h("option", { value: name }, name)));
  $("only").value = "";
  $("downloads").replaceChildren(
    ...OBJECTS.map((kind) => saver(kind, () => download("run", { ...answer.asked, conf: $("least").value, classes: $("only").value }, answer.name, kind))),
  );
  draw();
}

/** Return the address of a picture that this browser shows. */
async function seen(asked, found, signal) {
  const own = hold(file);
  const trial = new Image();
  trial.src = own;
  try {
    await trial.decode();
    return own;
  } catch {
    toast(words("detect.unseen"));
    const plain = await ask("POST", "/detect/run", form({ ...asked, conf: 1, answer: "picture" }), signal);
    return hold(await plain.blob());
  }
}

/** Segments, poses and depth come as a picture and facts. */
async function whole(model, asked, signal) {
  const found = await post(`/detect/${PATHS[model.task]}`, form(asked), signal);
  forget();
  answer = null;
  const bytes = Uint8Array.from(atob(found.picture), (one) => one.charCodeAt(0));
  const address = hold(new Blob([bytes], { type: "image/jpeg" }));
  $("controls").hidden = $("objects").hidden = true;
  $("picture").replaceChildren(h("img", { src: address, alt: found.name }));
  $("summary").textContent = words("detect.facts", { ...found, ms: Math.round(1000 * found.seconds) });
  const stem = found.name.replace(/\.[^.]*$/, "");
  const facts = hold(new Blob([JSON.stringify(found.facts, null, 1)], { type: "application/json" }));
  $("downloads").replaceChildren(
    h("a", { class: "button secondary", href: address, download: `${stem}-${model.task}.jpg` }, words("detect.picture")),
    h("a", { class: "button secondary", href: facts, download: `${stem}-${model.task}.json` }, words("detect.json")),
    ...(model.task === "pose" ? ["coco"] : (KINDS[found.facts.kind] ?? [])).map((kind) => saver(kind, () => download(PATHS[model.task], asked, found.name, kind))),
  );
}

// ------------------------------------------------------------------ showing

function shown() {
  const least = Number($("least").value);
  const only = $("only").value;
  return answer.detections.filter((one) => one.confidence >= least && (!only || one.class === only));
}

function draw() {
  if (!answer) return;
  $("least-value").textContent = Number($("least").value).toFixed(2);
  const all = answer.detections.length;
  const rows = shown();
  const number = rows.length === 1 && all === 1 ? words("detect.count.one") : rows.length === all ? words("detect.count.many", { count: count(all) }) : words("detect.of", { shown: count(rows.length), count: count(all) });
  $("summary").textContent = `${number} · ${words("detect.facts", { ...answer, ms: Math.round(1000 * answer.seconds) })}`;
  const alt = words("detect.alt", { name: answer.name, count: rows.length });
  boxes($("picture"), { address: answer.picture, alt, width: answer.width, height: answer.height }, rows);
  const empty = all ? words("detect.none_above", { least: $("least-value").textContent }) : words("detect.none");
  $("rows").replaceChildren(rows.length ? table(columns, rows) : h("p", { class: "hint" }, empty));
}

const columns = [
  { title: words("detect.class"), cell: (row) => row.class },
  { title: words("detect.score"), cell: (row) => row.confidence.toFixed(2), number: true },
  { title: words("detect.box"), cell: (row) => row.box.map(Math.round).join(" "), number: true },
];

function saver(kind, save) {
  return h("button", { class: "secondary", type: "button", "data-format": kind, onclick: save }, words(`detect.${kind}`));
}

async function download(path, asked, name, kind) {
  try {
    const made = await ask("POST", `/detect/${path}`, form({ ...asked, answer: kind }));
    const address = URL.createObjectURL(await made.blob());
    const stem = name.replace(/\.[^.]*$/, "");
    const link = h("a", { href: address, download: `${stem}-${kind}.${SUFFIXES[kind]}` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  } catch (problem) {
    toast(problem.message);
  }
}

upload(document.querySelector("[data-upload]"), choose);
$("another").addEventListener("click", () => {
  choose([]);
  document.querySelector("[data-upload] input").focus();
});
$("least").addEventListener("input", draw);
$("only").addEventListener("change", draw);
$("model").addEventListener("change", () => {
  named();
  if (file) run();
});
$("which").addEventListener("change", () => {
  file = files[Number($("which").value)];
  run();
});
$("all").addEventListener("click", all);
$("tiles").addEventListener("change", () => file && run());
$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
try {
  const known = await get("/detect/models");
  models = new Map(known.items.map((one) => [one.name, one]));
  models.get(known.chosen).reason = `${known.chosen}: ${known.reason}`;
  const group = (task) => {
    const items = known.items.filter((one) => one.task === task);
    const option = (one) => h("option", { value: one.name, disabled: !one.present, title: one.note || null }, one.present ? one.name : words("detect.absent", one));
    return items.length ? h("optgroup", { label: words(`detect.task.${task}`) }, items.map(option)) : null;
  };
  $("model").append(...["detection", "segmentation", "pose", "depth"].map(group).filter(Boolean));
  $("model").value = known.chosen;
  named();
  $("message").replaceChildren($("start").content.cloneNode(true));
  $("go").disabled = false;
} catch (problem) {
  notice($("message"), problem.message);
}
