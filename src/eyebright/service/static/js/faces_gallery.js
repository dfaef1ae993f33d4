// The gallery as a whole: the threshold with its interval, leaving as a file and coming back, the audit log.
import { form, get, post } from "./api.js";
import { $, count, h, notice, words } from "./dom.js";
import { table } from "./table.js";

let entries = [];
let next = 0;

function showThreshold(found) {
  const own = found.source === "gallery";
  const facts = {
    threshold: found.threshold.toFixed(3),
    interval: words("faces.gallery.between", { low: found.low.toFixed(3), high: found.high.toFixed(3) }),
    far: found.far,
    pairs: count(found.impostor_pairs),
    people: count(found.people),
    fpir: `${Number((100 * found.fpir).toPrecision(2))} %`,
  };
  $("facts").replaceChildren(
    ...Object.entries(facts).map(([name, value]) => h("div", {}, h("dt", {}, words(`faces.gallery.${name}`)), h("dd", {}, String(value)))),
  );
  $("measured").textContent = own ? words("faces.gallery.own") : words("faces.gallery.other", found);
}

async function load() {
  try {
    showThreshold(await get("/faces/calibration"));
    await audit();
  } catch (problem) {
    notice($("message"), problem.message);
    for (const button of document.querySelectorAll("main button")) button.disabled = true;
  }
}

async function audit(more = false) {
  if (!more) [entries, next] = [[], 0];
  const page = await get(`/faces/audit?${new URLSearchParams({ limit: 20, offset: next })}`);
  entries = [...entries, ...page.items];
  next = page.next_offset;
  $("more").hidden = next === null;
  const columns = [
    { title: words("faces.gallery.at"), cell: (row) => new Date(row.at).toLocaleString() },
    { title: words("faces.gallery.action"), cell: (row) => row.action },
    { title: words("faces.gallery.person"), cell: (row) => (row.person ? h("span", { class: "mono" }, row.person) : "") },
    { title: words("faces.gallery.count"), cell: (row) => row.count, number: true },
  ];
  $("audit").replaceChildren(entries.length ? table(columns, entries) : $("empty").content.cloneNode(true));
}

$("calibrate").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("calibrate-go").disabled = true;
  notice($("calibrate-message"), "");
  try {
    const found = await post("/faces/calibrate", form({ far: $("far").value }));
    showThreshold(found);
    $("calibrate-message").replaceChildren(h("p", { class: "notice good" }, words("faces.gallery.done", { ...found, threshold: found.threshold.toFixed(3), pairs: count(found.impostor_pairs) })));
  } catch (problem) {
    notice($("calibrate-message"), problem.message);
  } finally {
    $("calibrate-go").disabled = false;
  }
});
$("import").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("import-go").disabled = true;
  notice($("import-message"), "");
  try {
    const { added, refused } = await post("/faces/import", form({ file: $("file").files[0] }));
    const text = words("faces.gallery.imported", { added: count(added), refused: count(refused.length) });
    $("import-message").replaceChildren(h("p", { class: "notice good" }, text));
    $("import").reset();
    await load();
  } catch (problem) {
    notice($("import-message"), problem.message);
  } finally {
    $("import-go").disabled = false;
  }
});
$("more").addEventListener("click", () => audit(true).catch((problem) => notice($("message"), problem.message)));
load();
