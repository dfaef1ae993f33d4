// Who is in a picture: boxes with names, and what to do when a name is wrong or missing.
import { form, post } from "./api.js";
import { boxes } from "./boxes.js";
import { $, announce, count, h, notice, toast, words } from "./dom.js";
import { table } from "./table.js";

const AROUND = 0.75; // of a face's size is cut out with it to each side

export class Found {
  /** `people()` says how many are enrolled, `name(file)` enrols a face that is cut out, `changed()` hears of corrections. */
  constructor({ people, name, changed }) {
    this.people = people;
    this.name = name;
    this.changed = changed;
    this.address = null; // of the picture that is shown
    this.running = null;
  }

  async ask(file) {
    this.running?.abort();
    const mine = (this.running = new AbortController());
    notice($("message"), "");
    $("start").hidden = true;
    $("summary").textContent = words("faces.working");
    $("found").setAttribute("aria-busy", "true");
    try {
      const answer = await post("/faces/identify", form({ image: file, keep_unknown: $("keep").checked }), mine.signal);
      if (this.address) URL.revokeObjectURL(this.address);
      this.address = URL.createObjectURL(file);
      this.draw(file, answer);
      $("found").hidden = false;
      $("found-title").scrollIntoView({ block: "nearest" });
    } catch (problem) {
      if (problem.name === "AbortError") return;
      $("summary").textContent = "";
      $("found").hidden = true;
      notice($("message"), problem.message);
    } finally {
      if (this.running === mine) $("found").removeAttribute("aria-busy");
    }
  }

  draw(file, answer) {
    const people = [...new Set(answer.faces.map((face) => face.person).filter(Boolean))].sort();
    const rows = answer.faces.map((face) => ({
      ...face,
      class: face.person ?? words("faces.unknown"),
      class_id: face.person ? 1 + people.indexOf(face.person) : 0,
      confidence: face.score,
    }));
    const alt = words("faces.alt", { name: file.name, count: rows.length });
    boxes($("picture"), { address: this.address, alt, width: answer.width, height: answer.height }, rows);
    const none = rows.length ? "" : words("faces.none");
    $("summary").textContent = none || words(rows.length === 1 ? "faces.count.one" : "faces.count.many", { count: rows.length });
    const columns = [
      { title: words("faces.who"), cell: (row) => (row.person || !row.nearest ? row.class : `${row.class} (${words("faces.nearest", { name: row.nearest })})`) },
      { title: words("faces.score"), cell: (row) => figure(row.score), number: true },
      { title: words("faces.margin"), cell: (row) => figure(row.margin), number: true },
      { title: "", cell: (row) => this.action(file, row, rows) },
    ];
    $("rows").replaceChildren(...(rows.length ? [table(columns, rows)] : []));
    const rate = (100 * answer.fpir).toPrecision(2);
    const total = this.people();
    $("rate").textContent = total ? words("faces.rate", { rate: Number(rate), people: count(total) }) : "";
  }

  /** A button beside a face: it is somebody else, or it gets a name. */
  action(file, row, rows) {
    const act = async () => {
      // the server takes the largest face of a picture, which comes first, and enrols from pictures with one face
      const whole = row.person ? row === rows[0] : rows.length === 1;
      const face = whole ? file : await cutOut($("picture").querySelector("img"), row.box, file.name);
      if (row.person) await this.deny(file, row.person, face);
      else this.name(face);
    };
    const text = row.person ? words("faces.not_found", { name: row.person }) : words("faces.give_name");
    return h("button", { class: "secondary", type: "button", onclick: act }, text);
  }

  async deny(file, name, face) {
    try {
      await post("/faces/not", form({ name, files: face }));
      announce(words("faces.not", { count: 1, name }));
      await this.changed();
      await this.ask(file);
    } catch (problem) {
      toast(problem.message);
    }
  }
}

const figure = (value) => (value === null ? "" : value.toFixed(2));

/** The part of a picture around a box, as a file. */
async function cutOut(image, [x1, y1, x2, y2], name) {
  const around = AROUND * Math.max(x2 - x1, y2 - y1);
  const left = Math.max(0, Math.round(x1 - around));
  const top = Math.max(0, Math.round(y1 - around));
  const width = Math.min(image.naturalWidth, Math.round(x2 + around)) - left;
  const height = Math.min(image.naturalHeight, Math.round(y2 + around)) - top;
  const canvas = h("canvas", { width, height });
  canvas.getContext("2d").drawImage(image, left, top, width, height, 0, 0, width, height);
  const blob = await new Promise((give) => canvas.toBlob(give, "image/png"));
  return new File([blob], `${name.replace(/\.[^.]*$/, "")}.png`, { type: "image/png" });
}
