// Copies among the indexed pictures, found by a job.
import { get, post } from "./api.js";
import { $, h, notice, words } from "./dom.js";
import { JobList } from "./jobs.js";

const KIND = "search.duplicates";
const list = new JobList($("jobs"), { wanted: (job) => job.kind === KIND, ended: show });

function show(job) {
  if (job.state !== "done") return;
  const groups = job.result.groups;
  $("summary").textContent = groups.length ? words("duplicates.groups", { count: job.result.total ?? groups.length }) : words("duplicates.none");
  $("groups").replaceChildren(
    ...groups.map((group) =>
      h(
        "section",
        { class: "group" },
        h("h3", {}, words(group.exact ? "duplicates.exact" : "duplicates.near")),
        h("ul", { class: "grid" }, group.pictures.map(tile)),
      ),
    ),
  );
}

function tile(picture) {
  const address = picture.id !== undefined ? `/search/thumbnail?${new URLSearchParams({ id: picture.id })}` : `/search/folders/thumbnail?${new URLSearchParams({ path: picture.path })}`;
  return h(
    "li",
    { class: "tile" },
    h("div", { class: "thumb" }, h("img", { src: address, alt: picture.name, width: 256, height: 256, loading: "lazy" })),
    h("div", { class: "about" }, h("h3", {}, picture.name)),
  );
}

$("ask").addEventListener("submit", async (event) => {
  event.preventDefault();
  notice($("groups"), "");
  $("summary").textContent = "";
  try {
    list.take((await post("/search/duplicates", { distance: Number($("distance").value) })).job);
  } catch (problem) {
    notice($("groups"), problem.message);
  }
});

// a result outlives the page: show the latest again
get("/jobs?limit=100")
  .then((page) => {
    const last = page.items.find((job) => job.kind === KIND && job.state === "done");
    if (last) show(last);
  })
  .catch((problem) => notice($("groups"), problem.message));
