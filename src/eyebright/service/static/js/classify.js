// Name what pictures show.
import { post } from "./api.js";
import { $, h, notice, words } from "./dom.js";
import { bars } from "./chart.js";
import { upload } from "./upload.js";

const AT_ONCE = 16;

/** Ask for the names of pictures and put a card for each into `list`. */
export async function classify(files, list, message) {
  notice(message, "");
  for (let from = 0; from < files.length; from += AT_ONCE) {
    const part = files.slice(from, from + AT_ONCE);
    const data = new FormData();
    for (const file of part) data.append("files", file, file.name);
    try {
      const answer = await post("/classify?top=5", data);
      list.prepend(...answer.results.map((result, i) => card(result, part[i])));
    } catch (problem) {
      notice(message, problem.message);
    }
  }
}

function card(result, file) {
  const address = URL.createObjectURL(file);
  const done = (event) => {
    URL.revokeObjectURL(address);
    if (event.type === "error") event.target.removeAttribute("src");
  };
  const rows = (result.labels ?? []).map(({ label, score }) => ({ name: label, value: score }));
  return h(
    "li",
    { class: "card" },
    h("img", { class: "thumb", src: address, alt: "", width: 128, height: 128, onload: done, onerror: done }),
    h("div", {}, h("h3", {}, result.name), result.problem ? h("p", { class: "notice bad" }, result.problem) : bars(rows, words("classify.chart", result))),
  );
}

const field = document.querySelector("[data-upload]");
if (field) upload(field, (files) => classify(files, $("results"), $("message")));
