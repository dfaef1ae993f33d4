// Stored checks: the queue of those that a person decides, and each one's report.
import { get } from "./api.js";
import { badge, report, when } from "./authenticate_case.js";
import { $, h, notice, words } from "./dom.js";

let shown = [];
let next = 0;

async function load(more = false) {
  if (!more) [shown, next] = [[], 0];
  const show = $("show").value;
  const query = new URLSearchParams({ limit: 50, offset: next ?? 0 });
  if (show === "queue") query.set("undecided", "true");
  else if (show) query.set("verdict", show);
  try {
    const page = await get(`/authenticity/cases?${query}`);
    shown = [...shown, ...page.items];
    next = page.next_offset;
    $("count").textContent = words(page.total === 1 ? "auth.cases.count.one" : "auth.cases.count", { count: page.total });
    $("more").hidden = next === null;
    const empty = $(show === "queue" ? "empty" : "none");
    $("cases").replaceChildren(shown.length ? h("ul", { class: "cards" }, shown.map(card)) : empty.content.cloneNode(true));
    notice($("message"), "");
  } catch (problem) {
    notice($("message"), problem.message);
  }
}

function card(one) {
  const facts = [when(one.checked_at), one.place, one.serial].filter(Boolean).join(" · ");
  const query = new URLSearchParams({ size: 256 });
  const picture = h("img", {
    class: "thumb", src: `/authenticity/cases/${one.case_id}/picture?${query}`, alt: words("auth.cases.photo", one), width: 128, height: 128,
    loading: "lazy", onerror: () => picture.removeAttribute("src"),
  });
  const label = words("auth.cases.open_label", { product: one.product, when: when(one.checked_at) });
  return h(
    "li",
    { class: "card" },
    picture,
    h(
      "div",
      {},
      h("div", { class: "row between" }, h("h3", {}, one.product), badge(one.verdict)),
      h("p", {}, `${one.reason}.`),
      one.decision ? h("p", {}, words("auth.cases.decision", { name: one.decision.decided_by, label: words(`auth.verdict.${one.decision.label}`) })) : null,
      h("p", { class: "hint" }, facts),
      h("button", { class: "secondary", type: "button", "data-case": one.case_id, "aria-label": label, onclick: () => open(one.case_id, true) }, words("auth.cases.open")),
    ),
  );
}

async function open(id, remember) {
  try {
    const facts = await get(`/authenticity/cases/${encodeURIComponent(id)}`);
    $("report").replaceChildren(report(facts, { removed: back }));
    $("list").hidden = true;
    $("one").hidden = false;
    notice($("message"), "");
    if (remember) history.pushState(null, "", `?${new URLSearchParams({ case: id })}`);
    $("back").focus();
  } catch (problem) {
    notice($("message"), problem.message);
  }
}

function back() {
  history.pushState(null, "", location.pathname);
  route();
}

async function route() {
  const id = new URLSearchParams(location.search).get("case");
  $("one").hidden = true;
  $("list").hidden = false;
  await load(); // its success would take away what is said of the case
  if (id) await open(id, false);
}

$("back").addEventListener("click", back);
$("show").addEventListener("change", () => load());
$("filter").addEventListener("submit", (event) => event.preventDefault());
$("more").addEventListener("click", () => load(true));
addEventListener("popstate", route);
route();
