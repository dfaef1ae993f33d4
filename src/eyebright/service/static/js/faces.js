// People: the gallery, corrections and forgetting, and enrolment with its refusals.
import { form, get, post } from "./api.js";
import { cameraDialog } from "./camera.js";
import { $, announce, h, notice, toast, words } from "./dom.js";
import { Found } from "./faces_found.js";
import { batches, chip, offerNames } from "./faces_parts.js";
import { PersonDialog } from "./faces_person.js";
import { upload } from "./upload.js";

const PAGE = 24;
const CHIPS = 4; // faces that are shown of a person

let total = 0;
let shown = 0;
let chosen = [];
let refused = [];

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
  const answer = { added: 0, refused: [] };
  $("add").disabled = $("anyway").disabled = true;
  try {
    for (const part of batches(files)) {
      const data = form({ name, force });
      for (const file of part) data.append("files", file, file.name);
      const { added, refused: not } = await post("/faces/enroll", data);
      answer.added += added;
      answer.refused.push(...not);
    }
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

const found = new Found({
  people: () => total,
  changed: () => load(),
  name(file) {
    take([file]);
    $("name").focus();
  },
});
const identify = (file) => found.ask(file);
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
