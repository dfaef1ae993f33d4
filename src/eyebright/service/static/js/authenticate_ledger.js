// The ledger of serial numbers: import, add, revoke, and where each was seen.
import { form, get, post } from "./api.js";
import { scroll, sightings } from "./authenticate_case.js";
import { $, h, notice, toast, words } from "./dom.js";
import { table } from "./table.js";

let shown = [];
let next = 0;
let current = "";

for (const button of document.querySelectorAll("[data-close]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}

const said = (place, text, ...more) => place.replaceChildren(h("p", { class: "notice" }, text), ...more);

async function load(more = false) {
  if (!more) [shown, next] = [[], 0];
  const query = new URLSearchParams({ limit: 50, offset: next ?? 0, text: $("text").value.trim() });
  try {
    const page = await get(`/authenticity/ledger?${query}`);
    shown = [...shown, ...page.items];
    next = page.next_offset;
    $("more").hidden = next === null;
    $("count").textContent = words(page.total === 1 ? "auth.ledger.count.one" : "auth.ledger.count", { count: page.total.toLocaleString("en") });
    const empty = !shown.length && !$("text").value.trim();
    $("serials").replaceChildren(empty ? $("empty").content.cloneNode(true) : scroll($("known-title").textContent, list(shown)));
    notice($("message"), "");
  } catch (problem) {
    notice($("message"), problem.message);
  }
}

function list(serials) {
  const action = (name, serial, run) =>
    h("button", { class: "secondary", type: "button", "aria-label": words(`auth.ledger.${name}_label`, { serial }), onclick: run }, words(`auth.ledger.${name}`));
  return table(
    [
      { title: words("auth.ledger.serial"), cell: (row) => h("span", { class: "mono" }, row.serial) },
      { title: words("auth.ledger.product"), cell: (row) => row.product || words("auth.ledger.any") },
      {
        title: words("auth.ledger.state"),
        cell: (row) =>
          h("span", { class: `badge ${row.state === "valid" ? "done" : "failed"}` }, words(`auth.ledger.${row.state}`) + (row.reason ? `: ${row.reason}` : "")),
      },
      { title: words("auth.ledger.seen"), cell: (row) => row.seen, number: true },
      {
        title: "",
        cell: (row) =>
          h(
            "span",
            { class: "row" },
            action("history", row.serial, () => history_(row.serial)),
            row.state === "valid" ? action("revoke", row.serial, () => askRevoke(row.serial)) : null,
          ),
      },
    ],
    serials,
  );
}

async function history_(serial) {
  try {
    const { items } = await get(`/authenticity/ledger/history?${new URLSearchParams({ serial })}`);
    $("seen").replaceChildren(h("p", {}, h("strong", { class: "mono" }, serial)), sightings(items));
    $("history").showModal();
  } catch (problem) {
    toast(problem.message);
  }
}

function askRevoke(serial) {
  current = serial;
  $("revoke-serial").textContent = serial;
  $("revoke-form").reset();
  notice($("revoke-message"), "");
  $("revoke").showModal();
}

$("revoke-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await post("/authenticity/ledger/revoke", { serial: current, reason: $("reason").value.trim() });
    $("revoke").close();
    await load();
  } catch (problem) {
    notice($("revoke-message"), problem.message);
  }
});
$("import").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("import-go").disabled = true;
  try {
    const done = await post("/authenticity/ledger/import", form({ table: $("table").files[0] }));
    const problems = done.problems.length
      ? [h("details", {}, h("summary", {}, words("auth.ledger.left_out")), h("ul", {}, done.problems.slice(0, 50).map((line) => h("li", {}, line))))]
      : [];
    said($("import-message"), words("auth.ledger.imported", { ...done, problems: done.problems.length }), ...problems);
    $("import").reset();
    await load();
  } catch (problem) {
    notice($("import-message"), problem.message);
  } finally {
    $("import-go").disabled = false;
  }
});
$("add").addEventListener("submit", async (event) => {
  event.preventDefault();
  const serial = $("serial").value.trim();
  try {
    const { added } = await post("/authenticity/ledger", { serial, product: $("product").value });
    said($("add-message"), words(added ? "auth.ledger.added" : "auth.ledger.known", { serial }));
    $("add").reset();
    await load();
  } catch (problem) {
    notice($("add-message"), problem.message);
  }
});
$("find").addEventListener("submit", (event) => {
  event.preventDefault();
  load();
});
$("more").addEventListener("click", () => load(true));
get("/authenticity/products")
  .then(({ items }) => $("product").append(...items.map((one) => h("option", { value: one.name }, one.name))))
  .catch((problem) => toast(problem.message));
load();
