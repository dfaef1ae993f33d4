// The search page: a picture with a region, words and filters; results that likes and dislikes re-rank.
import { form, get, post } from "./api.js";
import { fill, keep } from "./asked.js";
import { $, announce, count, h, notice, sign, toast, words } from "./dom.js";
import { Surface } from "./surface.js";
import { upload } from "./upload.js";

const PAGE = 24;
const FACTS = 2; // metadata values shown on a tile

const state = { file: null, record: null, factor: 1, box: null, hits: [], next: null, liked: new Set(), disliked: new Set(), columns: {}, records: 0 };
let session = newSession();
let running = null;
let showing = 0; // counts what was shown: what comes late, after something else was asked for, is not shown any more

const surface = new Surface($("surface"), {
  describedBy: "region-help",
  change(shapes) {
    const points = shapes[0]?.points;
    state.box = points ? [...points[0], ...points[1]].map((at) => Math.round(at * state.factor)) : null;
    $("clear-region").disabled = !state.box;
    later();
  },
});

function newSession() {
  return `page-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
}

// ------------------------------------------------------------------ what is asked

function show(picture) {
  $("drop").hidden = picture;
  $("chosen").hidden = !picture;
  $("record-title").hidden = !state.record;
  $("clear-region").disabled = true;
}

async function choose(file) {
  await showFile(file);
  await forget(false);
  run();
}

async function showFile(file) {
  showing += 1;
  const address = URL.createObjectURL(file);
  Object.assign(state, { file, record: null, factor: 1, box: null });
  show(true);
  try {
    await surface.show(address);
  } catch {
    // the server reads more kinds of pictures than a browser shows, so it has the last word
    announce(file.name);
  } finally {
    URL.revokeObjectURL(address);
  }
}

async function like(hit) {
  try {
    await showRecord(hit.id);
  } catch (problem) {
    return toast(problem.message);
  }
  await forget(false);
  scrollTo({ top: 0 });
  run();
}

async function showRecord(id) {
  const turn = (showing += 1);
  const record = await get(`/search/record?${new URLSearchParams({ id })}`);
  if (turn !== showing) return;
  Object.assign(state, { file: null, record, factor: 1, box: null });
  $("record-title").textContent = words("search.as_query", { title: record.title });
  show(true);
  try {
    const [width] = await surface.show(record.picture);
    if (turn === showing) state.factor = record.width ? record.width / width : 1; // large pictures are shown smaller than they are
  } catch {
    announce(record.title); // its file is gone; what was kept of it can still be asked with
  }
}

function showNone() {
  showing += 1;
  Object.assign(state, { file: null, record: null, box: null });
  surface.clear();
  show(false);
}

function clearPicture() {
  showNone();
  forget(false);
  run();
}

function filters() {
  const parts = [];
  for (const field of document.querySelectorAll("[data-column]")) {
    const { column, kind, end } = field.dataset;
    const value = field.value.trim();
    if (!value) continue;
    const name = `"${column.replaceAll('"', '""')}"`;
    const text = `'${value.replaceAll("'", "''")}'`;
    if (kind === "boolean") parts.push(`${name} = ${value}`);
    else if (kind === "text") parts.push(`${name} LIKE '%${value.replaceAll("'", "''")}%'`);
    else if (Number.isFinite(Number(value))) parts.push(`${name} ${end === "from" ? ">=" : "<="} ${value}`);
    else parts.push(`${name} = ${text}`);
  }
  const free = $("where").value.trim();
  if (free) parts.push(parts.length ? `(${free})` : free);
  return parts.join(" AND ");
}

function asked() {
  return Boolean(state.file || state.record || $("text").value.trim());
}

function request(offset) {
  const judged = state.liked.size + state.disliked.size > 0;
  return form({
    image: state.file,
    id: state.record?.id,
    crop: state.box?.join(","),
    text: $("text").value.trim(),
    where: filters(),
    group_by: $("group_by").value,
    by: state.file || state.record ? $("by").value : "looks",
    session: judged ? session : null,
    k: PAGE,
    offset,
  });
}

// ------------------------------------------------------------------ answers

let timer = null;
/** A region is dragged in many steps; ask when it rests. */
function later() {
  clearTimeout(timer);
  timer = setTimeout(() => asked() && run(), 250);
}

async function run(offset = 0, { back = false } = {}) {
  if (!offset && !back) keep({ record: state.record?.id, file: state.file });
  if (!asked() && !filters()) return start();
  running?.abort();
  const mine = (running = new AbortController());
  $("grid").setAttribute("aria-busy", "true");
  notice($("message"), "");
  if (!offset && !state.hits.length) skeleton();
  $("summary").textContent = words("search.searching");
  try {
    const answer = asked() ? await post("/search/query", request(offset), mine.signal) : await listed(offset, mine.signal);
    state.hits = offset ? [...state.hits, ...answer.hits] : answer.hits;
    state.next = answer.next_offset;
    draw(answer, offset);
  } catch (problem) {
    if (problem.name === "AbortError") return;
    state.hits = offset ? state.hits : [];
    $("summary").textContent = "";
    if (!offset) $("grid").replaceChildren();
    if (problem.kind.endsWith("no-index")) empty();
    else notice($("message"), problem.message);
  } finally {
    if (running === mine) $("grid").removeAttribute("aria-busy");
  }
}

/** Filters alone list the records that they admit. */
async function listed(offset, signal) {
  const query = new URLSearchParams({ where: filters(), limit: PAGE, offset });
  const page = await get(`/search/records?${query}`, signal);
  return { hits: page.items, next_offset: page.next_offset, total: page.total };
}

function draw(answer, offset) {
  const tiles = answer.hits.map(tile);
  if (offset) $("grid").append(...tiles);
  else $("grid").replaceChildren(...tiles);
  $("more").hidden = state.next === null;
  const shown = state.hits.length;
  const parts = [shown === 1 ? words("search.count.one") : words("search.count.many", { count: count(answer.total ?? shown) })];
  if (answer.examined !== undefined) {
    const how = words(answer.exact ? "search.exact" : "search.approximate");
    parts.push(words("search.examined", { examined: count(answer.examined), ms: Math.round(1000 * answer.seconds), how }));
  }
  $("summary").textContent = shown ? parts.join(" · ") : "";
  if (!shown) $("message").replaceChildren(h("div", { class: "state" }, h("p", {}, words("search.none"))));
  if (offset && tiles.length) tiles[0].querySelector("a, button").focus({ preventScroll: true });
}

function tile(hit) {
  const facts = Object.entries(hit.metadata).filter(([name, value]) => value !== null && value !== hit.title && name !== "title");
  const rows = facts.slice(0, FACTS).flatMap(([name, value]) => [h("dt", {}, name), h("dd", { title: String(value) }, String(value))]);
  if (hit.score !== undefined) rows.push(h("dt", {}, words("search.score")), h("dd", {}, hit.score.toFixed(3)));
  const judge = (kind) =>
    h("button", { class: "quiet icon", type: "button", "data-judge": kind, "aria-pressed": String(state[`${kind}d`].has(hit.id)), title: words(`search.${kind}`, { title: hit.title }), "aria-label": words(`search.${kind}`, { title: hit.title }), onclick: () => feedback(hit, kind) }, sign(kind));
  const looks = state.file || state.record;
  return h(
    "li",
    { class: `tile${state.liked.has(hit.id) ? " liked" : ""}${state.disliked.has(hit.id) ? " disliked" : ""}`, "data-id": hit.id },
    h("a", { class: "thumb", href: hit.picture, target: "_blank", rel: "noopener" }, h("img", { src: hit.thumbnail, alt: hit.title, width: 256, height: 256 })),
    h("div", { class: "about" }, h("h3", {}, hit.title), h("dl", {}, rows)),
    h(
      "div",
      { class: "actions" },
      judge("like"),
      judge("dislike"),
      looks && $("by").value === "looks"
        ? h("button", { class: "quiet", type: "button", "data-explain": "", "aria-label": words("search.explain_label", { title: hit.title }), onclick: () => explain(hit) }, words("search.explain"))
        : null,
      h("button", { class: "quiet icon similar", type: "button", title: words("search.similar"), "aria-label": words("search.similar_label", { title: hit.title }), onclick: () => like(hit) }, sign("similar")),
    ),
  );
}

function skeleton() {
  const one = () => h("li", { class: "tile skeleton", "aria-hidden": "true" }, h("div", { class: "thumb" }), h("div", { class: "about" }, h("div", { class: "line" }), h("div", { class: "line" })));
  $("grid").replaceChildren(...Array.from({ length: 8 }, one));
}

function empty() {
  $("message").replaceChildren($("empty").content.cloneNode(true));
  $("more").hidden = true;
}

function start() {
  running?.abort();
  state.hits = [];
  $("grid").replaceChildren();
  $("summary").textContent = "";
  $("more").hidden = true;
  if (state.records) $("message").replaceChildren($("start").content.cloneNode(true));
  else empty();
}

// ------------------------------------------------------------------ feedback

async function feedback(hit, kind) {
  const [mine, other] = kind === "like" ? [state.liked, state.disliked] : [state.disliked, state.liked];
  const before = [new Set(state.liked), new Set(state.disliked)];
  if (mine.has(hit.id)) mine.delete(hit.id);
  else {
    mine.add(hit.id);
    other.delete(hit.id);
  }
  try {
    const said = { session, like: [...state.liked], dislike: [...state.disliked], clear: true };
    await post("/search/feedback", said);
    judged();
    await run();
    const again = document.querySelector(`[data-id="${CSS.escape(hit.id)}"] [data-judge="${kind}"]`);
    again?.focus({ preventScroll: true });
  } catch (problem) {
    [state.liked, state.disliked] = before;
    toast(problem.message);
  }
}

function judged() {
  const any = state.liked.size + state.disliked.size > 0;
  $("feedback").textContent = any ? words("search.feedback", { liked: state.liked.size, disliked: state.disliked.size }) : "";
  $("forget").hidden = !any;
}

async function forget(again = true) {
  const had = state.liked.size + state.disliked.size > 0;
  const old = session;
  state.liked.clear();
  state.disliked.clear();
  session = newSession();
  judged();
  if (had) {
    try {
      await post("/search/feedback", { session: old, like: [], dislike: [], clear: true });
    } catch (problem) {
      toast(problem.message);
    }
  }
  if (again) run();
}

// ------------------------------------------------------------------ why

async function explain(hit) {
  const asks = form({ image: state.file, query_id: state.record?.id, crop: state.box?.join(","), hit_id: hit.id });
  try {
    const found = await post("/search/explain", asks);
    $("explain-query").src = `data:image/png;base64,${found.query_png}`;
    $("explain-query").alt = $("explain-title").textContent;
    $("explain-hit").src = `data:image/png;base64,${found.hit_png}`;
    $("explain-hit").alt = hit.title;
    $("explain-name").textContent = hit.title;
    $("explain").showModal();
  } catch (problem) {
    toast(problem.message);
  }
}

// ------------------------------------------------------------------ filters

function columnField(name, kind, index) {
  const id = `column-${index}`;
  const data = { "data-column": name, "data-kind": kind };
  if (kind === "boolean") {
    const choices = [["", "any"], ["true", "yes"], ["false", "no"]];
    const options = choices.map(([value, word]) => h("option", { value }, words(`search.${word}`)));
    return [h("label", { for: id }, name), h("select", { id, ...data }, options)];
  }
  if (kind === "text") {
    return [h("label", { for: id }, words("search.contains", { name })), h("input", { id, ...data, maxlength: 200 })];
  }
  const end = (which) =>
    h("div", {}, h("label", { for: `${id}-${which}` }, words(`search.${which}`, { name })), h("input", { id: `${id}-${which}`, type: "number", step: "any", ...data, "data-end": which }));
  return [h("div", { class: "range" }, end("from"), end("to"))];
}

async function describe() {
  try {
    const info = await get("/search/info");
    state.columns = info.columns;
    state.records = info.records;
    $("records").textContent = info.records ? words("search.records", { count: count(info.records) }) : "";
    $("columns").replaceChildren(...Object.entries(info.columns).flatMap(([name, kind], index) => columnField(name, kind, index)));
    $("group_by").append(...Object.keys(info.columns).map((name) => h("option", { value: name }, name)));
  } catch (problem) {
    notice($("message"), problem.message);
    return;
  }
  // who asked already waits for results, and who chose a picture will ask in a moment
  if (!running && !state.file && !state.record) await restore();
}

/** Ask what the page's address says. */
async function restore() {
  const { record, file, filtered } = fill();
  const turn = showing + 1;
  $("filters").open ||= filtered;
  try {
    if (file) await showFile(file);
    else if (record) await showRecord(record);
    else showNone();
  } catch (problem) {
    if (turn !== showing) return;
    showNone();
    toast(problem.message);
    return run(0, { back: true });
  }
  if (turn === showing) run(0, { back: true });
}

// what was said for this page alone does not outlive it, unless the browser keeps the page itself
addEventListener("pagehide", (event) => {
  if (event.persisted || !(state.liked.size + state.disliked.size)) return;
  const body = JSON.stringify({ session, like: [], dislike: [], clear: true });
  const options = { method: "POST", keepalive: true, headers: { "Content-Type": "application/json" }, body };
  fetch("/search/feedback", options).catch(() => null); // nobody is left to be told
});

upload(document.querySelector("[data-upload]"), ([file]) => choose(file));
$("clear-picture").addEventListener("click", clearPicture);
$("clear-region").addEventListener("click", () => surface.clear());
$("more").addEventListener("click", () => run(state.next));
$("forget").addEventListener("click", () => forget());
$("query").addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
addEventListener("popstate", async () => {
  await forget(false);
  restore();
});
$("go").disabled = false; // Enter before this line would have left the page with an unanswered question
describe();
