// Corrections of one person: another name, faces that belong to others or to nobody, two people that are one.
import { form, get, post } from "./api.js";
import { $, announce, notice, words } from "./dom.js";
import { choice, chosen } from "./faces_parts.js";

export class PersonDialog {
  /** `changed` is called after every correction. */
  constructor(changed) {
    this.changed = changed;
    this.name = "";
    $("person").querySelector("[data-close]").addEventListener("click", () => $("person").close());
    const on = (id, path, values, said, after) =>
      $(id).addEventListener("submit", (event) => {
        event.preventDefault();
        this.send(path, values(), said, after);
      });
    on("rename", "rename", () => ({ name: this.name, to: $("new-name").value.trim() }), "faces.renamed", (sent) => sent.to);
    on("merge", "merge", () => ({ name: this.name, into: $("merge-into").value.trim() }), "faces.merged", () => null);
    on("split", "split", () => ({ to: $("split-to").value.trim(), faces: this.faces() }), "faces.split", () => this.name);
    $("not").addEventListener("click", () => this.send("not", { name: this.name, faces: this.faces() }, "faces.not", () => this.name));
  }

  faces() {
    return chosen($("person-faces"));
  }

  /** Show a person. */
  async show(name) {
    this.name = name;
    $("person-title").textContent = name;
    $("new-name").value = name;
    $("split-to").value = $("merge-into").value = "";
    notice($("person-message"), "");
    $("person-faces").replaceChildren();
    if (!$("person").open) $("person").showModal();
    try {
      const kept = await get(`/faces/kept?${new URLSearchParams({ name })}`);
      if (this.name !== name) return;
      const label = (row) => words("faces.face", { number: row + 1, source: kept.sources[row] });
      $("person-faces").replaceChildren(...kept.faces.map((face, row) => choice(face, label(row))));
    } catch (problem) {
      notice($("person-message"), problem.message);
    }
  }

  /** Send a correction; `after` says whom to show then, null: nobody. */
  async send(path, values, said, after) {
    const { faces, ...rest } = values;
    if (faces && !faces.length) return notice($("person-message"), words("faces.choose"));
    if (path === "split" && !rest.to) return notice($("person-message"), words("faces.to_whom"));
    const data = form(rest);
    for (const face of faces ?? []) data.append("faces", face);
    try {
      await post(`/faces/${path}`, data);
      announce(words(said, { ...rest, count: faces?.length ?? 0 }));
      const next = after(rest);
      const left = faces?.length === $("person-faces").querySelectorAll("input").length;
      if (next === null || left) $("person").close();
      else await this.show(next);
      await this.changed();
    } catch (problem) {
      notice($("person-message"), problem.message);
    }
  }
}
