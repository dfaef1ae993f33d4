// Index a folder of the server, or pictures of this device, as a job.
import { form, get, post } from "./api.js";
import { $, h, notice, sign, toast, words } from "./dom.js";
import { JobList } from "./jobs.js";
import { upload } from "./upload.js";

let here = null;
let chosen = [];

const list = new JobList($("jobs"), { wanted: (job) => job.kind === "search.index", ended: outcome });

async function open(path) {
  try {
    const found = await get(`/search/folders${path ? `?${new URLSearchParams({ under: path })}` : ""}`);
    const none = !found.roots.length;
    $("no-folders").hidden = !none;
    $("browser").hidden = none;
    if (none) return;
    here = found.under;
    $("here").textContent = here;
    $("up").disabled = found.parent === null;
    $("up").onclick = () => open(found.parent);
    // at the top of one allowed folder, the others are beside it
    const others = found.parent === null ? found.roots.filter((root) => root !== here) : [];
    const entries = [...found.folders, ...others.map((root) => ({ name: root, path: root }))];
    $("folders").replaceChildren(
      ...entries.map((entry) => h("li", {}, h("button", { type: "button", onclick: () => open(entry.path) }, sign("folder"), entry.name))),
    );
    $("count").textContent = words("index.folder", { count: found.pictures });
    $("start").disabled = false;
  } catch (problem) {
    toast(problem.message);
  }
}

async function begin(button, values, pictures = []) {
  button.disabled = true;
  const data = form(values);
  for (const picture of pictures) data.append("files", picture, picture.name);
  try {
    list.take((await post("/search/index", data)).job);
    notice($("outcome"), "");
    return true;
  } catch (problem) {
    notice($("outcome"), problem.message);
    return false;
  } finally {
    button.disabled = false;
  }
}

function outcome(job) {
  if (job.state !== "done") return;
  const result = job.result;
  const problems = result.problems ?? [];
  const parts = [
    h("p", {}, words("index.done", result)),
    h("p", {}, h("a", { class: "button", href: "/app/search" }, words("index.to_search"))),
  ];
  if (problems.length) {
    const rows = problems.map((one) => h("li", {}, `${one.path}: ${one.reason}`));
    parts.push(h("details", {}, h("summary", {}, words("index.unreadable")), h("ul", {}, rows)));
  }
  $("outcome").replaceChildren(h("div", { class: "panel" }, parts));
}

$("by-folder").addEventListener("submit", (event) => {
  event.preventDefault();
  begin($("start"), { folder: here, metadata: $("table").files[0], prune: $("prune").checked });
});
$("by-upload").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!(await begin($("start-upload"), { metadata: $("upload-table").files[0] }, chosen))) return;
  chosen = [];
  $("files").textContent = "";
  $("start-upload").disabled = true;
});
upload(document.querySelector("[data-upload]"), (files) => {
  chosen = [...chosen, ...files];
  $("files").textContent = chosen.length === 1 ? words("index.files.one") : words("index.files.many", { count: chosen.length });
  $("start-upload").disabled = false;
});
open(null);
