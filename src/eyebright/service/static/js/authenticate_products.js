// Registered products: register, mark places on the reference, add labelled photos, forget, and fit.
import { call, form, get, post } from "./api.js";
import { $, h, notice, toast, words } from "./dom.js";
import { JobList } from "./jobs.js";
import { Surface } from "./surface.js";
import { upload } from "./upload.js";

let chosen = [];
let current = null; // the product of the open dialog

for (const button of document.querySelectorAll("[data-close]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}

// ------------------------------------------------------------------ what there is

async function load() {
  try {
    const [{ items }, state] = await Promise.all([get("/authenticity/products"), get("/authenticity")]);
    $("known").replaceChildren(...(items.length ? items.map(card) : [$("empty").content.cloneNode(true)]));
    $("fit-go").disabled = !items.length;
    const made = state.made ? words("auth.fit.made") : "";
    $("fit-words").disabled = !state.reads_words;
    $("fit-state").textContent = state.ranked ? words("auth.fit.state", { ...state, made, rate: state.false_alarm }) : words("auth.fit.none");
    notice($("message"), "");
  } catch (problem) {
    notice($("message"), problem.message);
  }
}

function card(product) {
  const query = new URLSearchParams({ product: product.name, size: 256 });
  const facts = [product.brand, product.gtin && words("auth.products.gtin", product)].filter(Boolean).join(" · ");
  const names = Object.keys(product.regions);
  const action = (name, run) =>
    h("button", { class: "secondary", type: "button", "aria-label": words(`auth.products.${name}_label`, product), onclick: run }, words(`auth.products.${name}`));
  return h(
    "article",
    { class: "card", "data-product": product.name },
    h("img", { class: "thumb", src: `/authenticity/products/reference?${query}`, alt: words("auth.products.reference", product), width: 128, height: 128 }),
    h(
      "div",
      {},
      h("h3", {}, product.name),
      facts ? h("p", { class: "hint" }, facts) : null,
      h("p", { class: "hint" }, words("auth.products.counts", product)),
      names.length ? h("p", { class: "hint" }, words("auth.products.marked", { names: names.join(", ") })) : null,
      h("p", { class: "row" }, action("regions", () => mark(product)), action("samples", () => samples(product)), action("forget", () => forget(product))),
    ),
  );
}

async function forget(product) {
  if (!confirm(words("auth.products.forget_sure", product))) return;
  try {
    await call("DELETE", `/authenticity/products?${new URLSearchParams({ product: product.name })}`);
    await load();
  } catch (problem) {
    toast(problem.message);
  }
}

// ------------------------------------------------------------------ register

upload(document.querySelector("[data-upload]"), (files) => {
  chosen = [...chosen, ...files];
  $("files").textContent = words(chosen.length === 1 ? "auth.files.one" : "auth.files.many", { count: chosen.length });
});
$("enroll").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!chosen.length) {
    notice($("enroll-message"), words("auth.missing"));
    return;
  }
  const data = form({ product: $("name").value.trim(), gtin: $("gtin").value.trim(), brand: $("brand").value.trim() });
  for (const line of $("text").value.split("\n")) if (line.trim()) data.append("text", line.trim());
  for (const file of chosen) data.append("files", file, file.name);
  $("register").disabled = true;
  try {
    const product = await post("/authenticity/products", data);
    $("enroll").reset();
    chosen = [];
    $("files").textContent = "";
    $("enroll-message").replaceChildren(h("p", { class: "notice" }, words("auth.products.registered", product)));
    await load();
  } catch (problem) {
    notice($("enroll-message"), problem.message);
  } finally {
    $("register").disabled = false;
  }
});

// ------------------------------------------------------------------ places that matter

const surface = new Surface($("surface"), { single: false, describedBy: "regions-help", change: showNames });

async function mark(product) {
  current = product;
  notice($("regions-message"), "");
  $("regions").showModal();
  try {
    await surface.show(`/authenticity/products/reference?${new URLSearchParams({ product: product.name })}`);
  } catch {
    toast(words("error.network"));
    return;
  }
  surface.shapes = Object.entries(product.regions).map(([name, [x1, y1, x2, y2]]) => ({ kind: "box", points: [[x1, y1], [x2, y2]], name }));
  surface.draw();
  showNames(surface.shapes);
}

function showNames(shapes) {
  const kept = document.activeElement?.dataset?.region;
  $("region-names").replaceChildren(
    ...(shapes.length ? shapes.map(nameField) : [h("p", { class: "hint" }, words("auth.region.none"))]),
  );
  if (kept !== undefined) $(`region-${kept}`)?.focus();
}

function nameField(shape, index) {
  const id = `region-${index}`;
  const input = h("input", {
    id, required: true, maxlength: "200", value: shape.name ?? "", "data-region": index,
    oninput: () => { shape.name = input.value; },
    onfocus: () => { surface.chosen = index; surface.corner = -1; surface.draw(); },
  });
  return h("div", {}, h("label", { for: id }, words("auth.region.name", { number: index + 1 })), input);
}

$("regions-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const regions = {};
  for (const { name, points } of surface.shapes) regions[name.trim()] = points.flat().map((value) => Math.round(value * 10) / 10);
  try {
    await call("PUT", "/authenticity/products/regions", { product: current.name, regions });
    $("regions").close();
    await load();
  } catch (problem) {
    notice($("regions-message"), problem.message);
  }
});

// ------------------------------------------------------------------ labelled photos

function samples(product) {
  current = product;
  $("samples-form").reset();
  $("kind-field").hidden = true;
  $("samples-of").textContent = product.name;
  notice($("samples-message"), "");
  $("samples").showModal();
}

$("label").addEventListener("change", () => {
  $("kind-field").hidden = $("label").value !== "counterfeit";
});
$("samples-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const data = form({ product: current.name, label: $("label").value, kind: $("kind").value.trim() });
  for (const file of $("sample-files").files) data.append("files", file, file.name);
  try {
    await post("/authenticity/products/samples", data);
    $("samples").close();
    await load();
  } catch (problem) {
    notice($("samples-message"), problem.message);
  }
});

// ------------------------------------------------------------------ fit

const jobs = new JobList($("jobs"), {
  wanted: (job) => job.kind === "authenticity.fit",
  ended(job) {
    if (job.state !== "done") return;
    const result = job.result;
    const made = result.made ? words("auth.fit.made") : "";
    const lines = [words("auth.fit.done", { ...result, made, supported: Number(result.supported.toPrecision(2)) })];
    if (result.supported > result.false_alarm) lines.push(words("auth.fit.more", { rate: result.false_alarm }));
    if (result.words) lines.push(words("auth.fit.words"));
    lines.push(words(result.classifier ? "auth.fit.classifier" : "auth.fit.no_classifier"));
    $("fit-message").replaceChildren(h("p", { class: "notice" }, lines.join(" ")));
    load();
  },
});
$("fit").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    jobs.take((await post("/authenticity/fit", { false_alarm: Number($("rate").value), words: $("fit-words").checked })).job);
    $("fit-message").replaceChildren();
  } catch (problem) {
    notice($("fit-message"), problem.message);
  }
});
load();
