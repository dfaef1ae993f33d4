// People: who is in a picture, enrolment with its refusals, the gallery, corrections, and forgetting.
import { form, get, post } from "./api.js";
import { boxes } from "./boxes.js";
import { cameraDialog } from "./camera.js";
import { $, announce, count, h, notice, toast, words } from "./dom.js";
import { chip, offerNames } from "./faces_parts.js";
import { PersonDialog } from "./faces_person.js";
import { table } from "./table.js";
import { upload } from "./upload.js";

const PAGE = 24;
const CHIPS = 4; // faces that are shown of a person

let total = 0;
let shown = 0;
let chosen = [];
let refused = [];
let address = null; // of the picture that is shown
let running = null;

// ------------------------------------------------------------------ who is in a picture

async function identify(file) {
  running?.abort();
  const mine = (running = new AbortController());
  notice($("message"), "");
  $("start").hidden = true;
  $("summary").textContent = words("faces.working");
  $("found").setAttribute("aria-busy", "true");
  try {
    const answer = await post("/faces/identify", form({ image: file, keep_unknown: $("keep").checked }), mine.signal);
    if (address) URL.revokeObjectURL(address);
    address = URL.createObjectURL(file);
    draw(file, answer);
    $("found").hidden = false;
    $("found-title").scrollIntoView({ block: "nearest" });
  } catch (problem) {
    if (problem.name === "AbortError") return;
    $("summary").textContent = "";
    $("found").hidden = true;
    notice($("message"), problem.message);
  } finally {
    if (running === mine) $("found").removeAttribute("aria-busy");
  }
}

function draw(file, answer) {
  const people = [...new Set(answer.faces.map((face) => face.person).filter(Boolean))].sort();
  const rows = answer.faces.map((face) => ({
    ...face,
    class: face.person ?? words("faces.unknown"),
    class_id: face.person ? 1 + people.indexOf(face.person) : 0,
    confidence: face.score,
  }));
  const alt = words("faces.alt", { name: file.name, count: rows.length });
  boxes($("picture"), { address, alt, width: answer.width, height: answer.height }, rows);
  const none = rows.length ? "" : words("faces.none");
  $("summary").textContent = none || words(rows.length === 1 ? "faces.count.one" : "faces.count.many", { count: rows.length });
  $("rows").replaceChildren(...(rows.length ? [table(columns, rows)] : []));
  const rate = (100 * answer.fpir).toPrecision(2);
  $("rate").textContent = total ? words("faces.rate", { rate: Number(rate), people: count(total) }) : "";
}

const figure = (value) => (value === null ? "" : value.toFixed(2));
const columns = [
  { title: words("faces.who"), cell: (row) => (row.person || !row.nearest ? row.class : `${row.class} (${words("faces.nearest", { name: row.nearest })})`) },
  { title: words("faces.score"), cell: (row) => figure(row.score), number: true },
  { title: words("faces.margin"), cell: (row) => figure(row.margin), number: true },
];

// ------------------------------------------------------------------ the gallery

async function load(offset = 0) {
  try {
    const page = await get(`/faces/people?${new URLSearchParams({ offset, limit: PAGE })}`);
    total = page.total;
    shown = offset + page.items.length;
    const cards = page.items.map(card);
    if (offset) $("people").append(...cards);
    else $("people").replaceChildren(...(total ? cards : [$("empty").content.cloneNode(true)]));
    $("more").hidden = shown >= total;
    $("sealed").hidden = !page.encrypted;
    offerNames();
    notice($("people-message"), "");
  } catch (problem) {
    $("people").replaceChildren();
    notice($("people-message"), problem.message);
  }
}

function card(person) {
  const chips = h("p", { class: "chips" });
  get(`/faces/kept?${new URLSearchParams({ name: person.name })}`).then(({ faces }) => {
    chips.append(...faces.slice(0, CHIPS).map((face) => chip(face, words("faces.chip", person))));
  }, (problem) => toast(problem.message));
  const many = words(person.pictures === 1 ? "faces.pictures.one" : "faces.pictures.many", { count: person.pictures });
  const since = words("faces.since", { day: person.since.slice(0, 10) });
  return h(
    "article",
    { class: "card person", "data-person": person.name },
    h("h3", {}, person.name),
    chips,
    h("p", { class: "hint" }, `${many}, ${since}`),
    h("p", { class: "row" }, action("correct", person, () => dialog.show(person.name)), action("forget", person, () => forget(person))),
  );
}

function action(name, person, run) {
  const label = words(`faces.${name}_label`, person);
  return h("button", { class: "secondary", type: "button", "aria-label": label, onclick: run }, words(`faces.${name}`));
}

async function forget(person) {
  if (!confirm(words("faces.forget_sure", person))) return;
  try {
    await post("/faces/forget", form({ name: person.name }));
    announce(words("faces.forgotten", person));
    await load();
  } catch (problem) {
    toast(problem.message);
  }
}

// ------------------------------------------------------------------ enrolment

function take(files) {
  chosen = [...chosen, ...files];
  said();
}

function said() {
  $("files").textContent = chosen.length ? words(chosen.length === 1 ? "faces.chosen.one" : "faces.chosen.many", { count: chosen.length }) : "";
}

async function enroll(files, force) {
  if (!files.length) return notice($("enroll-message"), words("faces.missing"));
  const name = $("name").value.trim();
  const data = form({ name, force });
  for (const file of files) data.append("files", file, file.name);
  $("add").disabled = $("anyway").disabled = true;
  try {
    const answer = await post("/faces/enroll", data);
    const why = answer.refused.map((one) => h("li", {}, words("faces.refused", one)));
    const good = answer.added ? h("p", { class: "notice good" }, words("faces.added", { count: answer.added, name })) : null;
    $("enroll-message").replaceChildren(...[good, why.length ? h("ul", { class: "notice bad" }, why) : null].filter(Boolean));
    const names = new Set(answer.refused.map((one) => one.source));
    refused = force ? [] : files.filter((file) => names.has(file.name));
    $("anyway").hidden = !refused.length;
    chosen = [];
    said();
    await load();
  } catch (problem) {
    notice($("enroll-message"), problem.message);
  } finally {
    $("add").disabled = $("anyway").disabled = false;
  }
}

upload(document.querySelector("#identify [data-upload]"), ([file]) => identify(file));
// what is pasted is a picture to look at
upload(document.querySelector("#enroll-files [data-upload]"), take)();
$("enroll").addEventListener("submit", (event) => {
  event.preventDefault();
  enroll(chosen, false);
});
$("anyway").addEventListener("click", () => enroll(refused, true));
cameraDialog([[$("identify-camera"), identify], [$("enroll-camera"), (file) => take([file])]]);
const dialog = new PersonDialog(() => load());
$("more").addEventListener("click", () => load(shown));
$("add").disabled = false;
load();
