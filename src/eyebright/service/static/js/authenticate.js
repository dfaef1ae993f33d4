// Check an item by photos, and show the report.
import { form, get, post } from "./api.js";
import { report } from "./authenticate_case.js";
import { $, h, notice, words } from "./dom.js";
import { upload } from "./upload.js";

let chosen = [];
let state = null;

function showChosen() {
  $("no-photos").hidden = chosen.length > 0;
  $("chosen").replaceChildren(
    ...chosen.map((file) => {
      const address = URL.createObjectURL(file);
      const free = (event) => {
        URL.revokeObjectURL(address);
        if (event.type === "error") event.target.removeAttribute("src");
      };
      const remove = () => {
        chosen = chosen.filter((one) => one !== file);
        showChosen();
        document.querySelector("[data-upload] input").focus();
      };
      return h(
        "li",
        {},
        h("img", { src: address, alt: "", onload: free, onerror: free }),
        h("span", { class: "name" }, file.name),
        h("button", { class: "quiet", type: "button", "aria-label": words("auth.remove_photo", { name: file.name }), onclick: remove }, "×"),
      );
    }),
  );
}

async function check() {
  if (!chosen.length) {
    notice($("message"), words("auth.missing"));
    return;
  }
  notice($("message"), "");
  $("summary").textContent = words("auth.working");
  $("go").disabled = true;
  $("report").setAttribute("aria-busy", "true");
  const values = { product: $("product").value, serial: $("serial").value.trim(), place: $("place").value.trim(), words: $("read-words").checked };
  const data = form(values);
  data.append("codes", state?.reads_codes ?? true);
  for (const file of chosen) data.append("files", file, file.name);
  try {
    const facts = await post("/authenticity/check", data);
    const removed = () => {
      $("report").replaceChildren();
      $("summary").textContent = words("auth.removed");
    };
    $("report").replaceChildren(report(facts, { removed }));
    $("summary").textContent = `${words(`auth.verdict.${facts.verdict}`)}: ${facts.product}`;
    $("result-title").scrollIntoView({ block: "nearest" });
  } catch (problem) {
    $("summary").textContent = "";
    $("report").replaceChildren();
    notice($("message"), problem.message);
  } finally {
    $("go").disabled = false;
    $("report").removeAttribute("aria-busy");
  }
}

upload(document.querySelector("[data-upload]"), (files) => {
  chosen = [...chosen, ...files];
  showChosen();
});
$("check").addEventListener("submit", (event) => {
  event.preventDefault();
  check();
});
try {
  const [now, products] = await Promise.all([get("/authenticity"), get("/authenticity/products")]);
  state = now;
  $("product").append(...products.items.map((one) => h("option", { value: one.name }, one.name)));
  $("no-extra").hidden = state.reads_codes && state.reads_words;
  $("read-words").disabled = !state.reads_words;
  $("unfitted").hidden = state.ranked > 0 || !products.items.length;
  if (!$("report").hasChildNodes()) $("report").replaceChildren($(products.items.length ? "start" : "none").content.cloneNode(true));
} catch (problem) {
  notice($("message"), problem.message);
}
