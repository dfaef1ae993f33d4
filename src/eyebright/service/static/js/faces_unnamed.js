// Faces that nobody has named yet: gathered from pictures, shown in groups, named as a whole or in part.
import { form, get, post } from "./api.js";
import { $, announce, count, h, notice, words } from "./dom.js";
import { batches, choice, chosen, offerNames } from "./faces_parts.js";
import { JobList } from "./jobs.js";
import { upload } from "./upload.js";

const PAGE = 20;
const FACES = 48; // of a group that are shown

let next = 0;

async function load(more = false) {
  $("groups").setAttribute("aria-busy", "true");
  try {
    const page = await get(`/faces/groups?${new URLSearchParams({ limit: PAGE, offset: more ? next : 0 })}`);
    next = page.next_offset;
    $("more").hidden = next === null;
    $("count").textContent = page.total ? words(page.total === 1 ? "faces.groups.one" : "faces.groups.many", { count: count(page.total) }) : "";
    const cards = page.items.map(card);
    if (more) $("groups").append(...cards);
    else $("groups").replaceChildren(...(page.total ? cards : [$("empty").content.cloneNode(true)]));
    notice($("message"), "");
  } catch (problem) {
    $("groups").replaceChildren();
    notice($("message"), problem.message);
  } finally {
    $("groups").removeAttribute("aria-busy");
  }
}

function card(group) {
  const name = h("input", { id: `name-${group.id}`, required: true, maxlength: 200, list: "names" });
  const message = h("div", {});
  const faces = h("div", { class: "chips" }, group.faces.slice(0, FACES).map((face, row) => choice(face.id, words("faces.face", { number: row + 1, source: face.source }))));
  const rest = group.faces.length - FACES;
  const many = words(group.faces.length === 1 ? "faces.count.one" : "faces.count.many", { count: count(group.faces.length) });
  const submit = async (event) => {
    event.preventDefault();
    const some = chosen(faces);
    const data = some.length ? form({ to: name.value.trim() }) : form({ group: group.id, name: name.value.trim() });
    for (const face of some) data.append("faces", face);
    try {
      const { faces: moved } = await post(some.length ? "/faces/split" : "/faces/name", data);
      announce(words("faces.named", { count: moved, name: name.value.trim() }));
      await Promise.all([load(), offerNames()]);
    } catch (problem) {
      notice(message, problem.message);
    }
  };
  return h(
    "form",
    { class: "panel stack", "data-group": group.id, autocomplete: "off", onsubmit: submit },
    h("h3", {}, many),
    faces,
    rest > 0 ? h("p", { class: "hint" }, words("faces.groups.rest", { count: rest })) : null,
    h("div", { class: "inline" }, h("div", { class: "grow" }, h("label", { for: name.id }, words("faces.groups.name")), name), h("button", {}, words("faces.groups.give"))),
    message,
  );
}

// ------------------------------------------------------------------ gather

const jobs = new JobList($("jobs"), {
  wanted: (job) => job.kind === "faces.cluster",
  ended(job) {
    if (job.state !== "done") return;
    const bad = job.result.problems.map((one) => h("li", {}, words("faces.refused", { source: one.path, why: one.reason })));
    $("gather-message").replaceChildren(
      h("p", { class: "notice good" }, words("faces.gathered", { count: job.result.kept })),
      ...(bad.length ? [h("ul", { class: "notice bad" }, bad)] : []),
    );
    load();
  },
});

async function gather(data) {
  try {
    jobs.take((await post("/faces/cluster", data)).job);
    $("gather-message").replaceChildren();
  } catch (problem) {
    notice($("gather-message"), problem.message);
  }
}

upload(document.querySelector("#gather-files [data-upload]"), async (files) => {
  for (const part of batches(files)) {
    const data = new FormData();
    for (const file of part) data.append("files", file, file.name);
    await gather(data);
  }
});
$("gather").addEventListener("submit", (event) => {
  event.preventDefault();
  gather(form({ folder: $("folder").value.trim() }));
});

$("purge").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!confirm(words("faces.purge_sure"))) return;
  try {
    const { faces } = await post("/faces/purge", form({ unknown_after: $("age").value }));
    $("purge-message").replaceChildren(h("p", { class: "notice good" }, words(faces === 1 ? "faces.purged.one" : "faces.purged", { count: faces })));
    await load();
  } catch (problem) {
    notice($("purge-message"), problem.message);
  }
});
$("more").addEventListener("click", () => load(true));
load();
offerNames();
