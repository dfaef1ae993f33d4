// The report of one check: verdict, photos beside the reference, evidence, words, codes, ledger, and a person's decision.
import { call, post } from "./api.js";
import { bars } from "./chart.js";
import { h, notice, words } from "./dom.js";
import { table } from "./table.js";

const MARK = { genuine: "done", counterfeit: "failed", inconclusive: "" };
const STRONGEST = 12; // the server clips shares to -3 to 12
const NAME_KEY = "eyebright.reviewer";

export const when = (iso) => new Date(iso).toLocaleString();

export const badge = (verdict) => h("span", { class: `badge ${MARK[verdict]}` }, words(`auth.verdict.${verdict}`));

/** Return the report as an element; `changed()` is called after a decision, `removed()` when the case was removed. */
export function report(facts, { changed = () => {}, removed = () => {} } = {}) {
  const place = h("div", { class: "report" });
  place.append(
    verdict(facts),
    decision(facts, changed),
    ...facts.photos.map((photo, number) => photoPart(facts, photo, number)),
    evidence(facts),
    ...codes(facts),
    ...serial(facts),
    about(facts, removed),
  );
  return place;
}

function verdict(facts) {
  const likely = [];
  if (facts.probability !== null) likely.push(words("auth.probability", { percent: (100 * facts.probability).toFixed(0) }));
  if (facts.p_value !== null) likely.push(words("auth.p_value", { percent: (100 * facts.p_value).toFixed(0) }));
  return h(
    "div",
    { class: "panel", "data-verdict": facts.verdict },
    h("p", { class: "row" }, badge(facts.verdict), h("strong", {}, facts.product), h("span", { class: "hint" }, words(`auth.by.${facts.decided_by}`))),
    h("p", {}, `${facts.reason}.`),
    facts.advice ? h("p", {}, `${facts.advice}.`) : null,
    likely.length ? h("p", { class: "hint" }, likely.join(" · ")) : null,
  );
}

function decision(facts, changed) {
  const box = h("div", { class: "panel" });
  const show = (made) => {
    const label = words(`auth.verdict.${made.label}`);
    box.replaceChildren(
      h("p", { class: "decided", tabindex: "-1" }, words("auth.decided", { name: made.decided_by, label, when: when(made.decided_at) })),
      h("button", { class: "secondary", type: "button", onclick: () => ask(true) }, words("auth.revise")),
    );
  };
  const ask = (revise) => {
    const name = h("input", { id: "reviewer", required: true, maxlength: "200", autocomplete: "name", value: localStorage.getItem(NAME_KEY) ?? "" });
    const message = h("div");
    const form = h(
      "form",
      { class: "inline", "data-decide": "" },
      h("div", { class: "grow" }, h("label", { for: "reviewer" }, words("auth.decide.name")), name),
      ...["genuine", "counterfeit"].map((label) => h("button", { class: "secondary", value: label }, words(`auth.decide.${label}`))),
    );
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      localStorage.setItem(NAME_KEY, name.value.trim());
      try {
        const body = { label: event.submitter.value, decided_by: name.value, revise };
        show(await post(`/authenticity/cases/${facts.case}/decision`, body));
        box.querySelector(".decided").focus();
        changed();
      } catch (problem) {
        notice(message, problem.message);
      }
    });
    box.replaceChildren(h("h3", {}, words("auth.decide")), h("p", { class: "hint" }, words("auth.decide_help")), form, message);
    if (revise) name.focus();
  };
  if (facts.decision) show(facts.decision);
  else ask(false);
  return box;
}

function photoPart(facts, photo, number) {
  const laid = "homography" in photo;
  const views = laid ? ["photo", "reference", "laid", "heat"] : ["photo", "reference"];
  const figures = views.map((view) => {
    const title = words(`auth.view.${view}`);
    const query = new URLSearchParams({ view, number });
    const image = h("img", { src: `/authenticity/cases/${facts.case}/picture?${query}`, alt: title });
    return h("figure", {}, h("div", { class: "frame" }, image), h("figcaption", {}, title));
  });
  const parts = [h("h3", {}, photo.photo), h("div", { class: "figures two" }, figures)];
  if (photo.reason) parts.push(h("p", { class: "notice" }, words("auth.not_judged", photo)));
  if (laid) parts.push(places(photo.regions));
  if (photo.marked && photo.marked.length) parts.push(h("p", { class: "notice" }, words("auth.marked", { names: photo.marked.join(", ") })));
  if (photo.words !== null) {
    parts.push(h("h4", {}, words("auth.words")));
    const columns = ["kind", "expected", "found"].map((name) => ({ title: words(`auth.words.${name}`), cell: (row) => row[name] }));
    parts.push(photo.words.length ? scroll(words("auth.words"), table(columns, photo.words)) : h("p", {}, words("auth.words.same")));
  }
  return h("div", { class: "panel" }, parts);
}

function places(regions) {
  if (!regions.length) return h("p", {}, words("auth.places.none"));
  const title = words(regions.length === 1 ? "auth.places.one" : "auth.places", { count: regions.length });
  const columns = [
    { title: words("auth.place"), cell: (row) => regions.indexOf(row) + 1, number: true },
    { title: words("auth.box"), cell: (row) => row.box.map(Math.round).join(" ") },
    { title: words("auth.area"), cell: (row) => row.area, number: true },
    { title: words("auth.strength"), cell: (row) => row.strength.toFixed(2), number: true },
  ];
  return h("details", {}, h("summary", {}, title), scroll(title, table(columns, regions.slice(0, 20))));
}

function evidence(facts) {
  const rows = Object.entries(facts.evidence)
    .sort(([, a], [, b]) => b - a)
    .map(([name, share]) => ({ name: name in NAMED ? words(NAMED[name]) : name, value: Math.max(share, 0) / STRONGEST, text: share.toFixed(1) }));
  return h(
    "div",
    { class: "panel" },
    h("h3", {}, words("auth.evidence")),
    h("p", { class: "hint" }, words("auth.evidence_help")),
    bars(rows, words("auth.evidence")),
  );
}

const NAMED = Object.fromEntries(
  ["regions", "largest", "structure", "edges", "colour", "tone", "sharpness", "moire", "places", "patches", "words", "together", "identity"].map((name) => [name, `auth.evidence.${name}`]),
);

function codes(facts) {
  if (!facts.codes.length) return [];
  const columns = [
    { title: words("auth.codes.kind"), cell: (row) => row.symbology },
    { title: words("auth.codes.text"), cell: (row) => h("span", { class: "mono" }, row.text.replaceAll("\u001d", " ␝ ")) },
    { title: words("auth.codes.problems"), cell: (row) => row.problems.join("; ") || words("auth.codes.fine") },
  ];
  return [h("div", { class: "panel" }, h("h3", {}, words("auth.codes")), scroll(words("auth.codes"), table(columns, facts.codes)))];
}

function serial(facts) {
  if (!facts.serial) return [];
  const said = h("p", {}, words("auth.serial.said", facts.serial));
  return [h("div", { class: "panel" }, h("h3", {}, words("auth.serial", facts.serial)), said, sightings(facts.serial.earlier))];
}

/** Where and when a serial was seen, as a table that leads to the cases. */
export function sightings(seen) {
  if (!seen.length) return h("p", {}, words("auth.seen.never"));
  const columns = [
    { title: words("auth.seen"), cell: (row) => when(row.seen_at) },
    { title: words("auth.seen.place"), cell: (row) => row.place || words("auth.seen.unsaid") },
    { title: words("auth.seen.case"), cell: (row) => h("a", { href: `/app/authenticate/cases?case=${encodeURIComponent(row.case_id)}` }, row.case_id) },
  ];
  return scroll(words("auth.seen"), table(columns, seen));
}

function about(facts, removed) {
  const known = facts.calibration;
  const message = h("div");
  const said = words("auth.case.facts", {
    when: when(facts.checked_at),
    product: facts.product,
    place: facts.place ? words("auth.case.at", facts) : "",
    version: facts.versions?.eyebright ?? "?",
    rate: known.false_alarm,
    ranked: known.genuine.length,
  });
  const remove = async () => {
    try {
      await call("DELETE", `/authenticity/cases/${facts.case}`);
      removed();
    } catch (problem) {
      notice(message, problem.message);
    }
  };
  return h(
    "div",
    { class: "panel" },
    h("h3", {}, words("auth.case", { id: facts.case })),
    h("p", { class: "hint" }, said),
    h(
      "p",
      { class: "row" },
      h("a", { class: "button", href: `/authenticity/cases/${facts.case}/report`, download: `case-${facts.case}.html` }, words("auth.report")),
      h("button", { class: "secondary", type: "button", "data-remove": "", onclick: remove }, words("auth.delete")),
    ),
    message,
  );
}

/** A table that scrolls sideways by itself where the page is narrow. */
export const scroll = (label, inside) => h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, inside);
