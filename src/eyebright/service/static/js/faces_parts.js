// What the pages of faces share: pictures of kept faces, faces to choose, uploads in parts, known names, tables of presence.
import { get } from "./api.js";
import { $, duration, h, words } from "./dom.js";
import { table } from "./table.js";

const MOST_FILES = 30;
const MOST_BYTES = 48 * 2 ** 20;

/** The picture of a kept face. */
export function chip(face, alt) {
  return h("img", { src: `/faces/chip?${new URLSearchParams({ face })}`, alt, width: 64, height: 64, loading: "lazy" });
}

/** A picture of a kept face that can be chosen; its box has the face's id as value. */
export function choice(face, label) {
  return h("label", { class: "chip", title: label }, chip(face, ""), h("input", { type: "checkbox", value: face, "aria-label": label }));
}

export const chosen = (place) => [...place.querySelectorAll("input:checked")].map((box) => box.value);

/** Files in parts that one request may bring. */
export function batches(files) {
  const found = [];
  let bytes = Infinity;
  for (const file of files) {
    if (bytes + file.size > MOST_BYTES || found.at(-1)?.length >= MOST_FILES) {
      found.push([]);
      bytes = 0;
    }
    found.at(-1).push(file);
    bytes += file.size;
  }
  return found;
}

/** Let fields for names offer the people of the gallery; where there is none to read, the page says so itself. */
export async function offerNames() {
  const { items } = await get("/faces/people?limit=500").catch(() => ({ items: [] }));
  $("names").replaceChildren(...items.map((person) => h("option", { value: person.name })));
}

/** Who was seen from when to when. */
export function presence(items) {
  return table(
    [
      { title: words("faces.who"), cell: (row) => row.person },
      { title: words("faces.live.where"), cell: (row) => row.source },
      { title: words("faces.live.from"), cell: (row) => moment(row.started, row.from_s) },
      { title: words("faces.live.for"), cell: (row) => (row.seconds < 1 ? words("faces.live.moment") : duration(row.seconds)), number: true },
    ],
    items,
  );
}

/** The time of day of so many seconds after a moment; what is no moment is shown as it is. */
function moment(started, seconds) {
  const at = new Date(Date.parse(started) + 1000 * seconds);
  return Number.isNaN(at.getTime()) ? `${started} + ${duration(seconds)}` : at.toLocaleString();
}
