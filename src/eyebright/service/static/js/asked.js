// What is asked for stands in the page's address, so that it can be kept, sent to others and gone back to.
//
// A picture of this device cannot stand there; it is remembered while the page is open.
import { $ } from "./dom.js";

const FIELDS = ["text", "where", "group_by", "by"];
const NOT_SAID = { by: "looks" };
const files = new Map();
let latest = 0;

const columns = () => [...document.querySelectorAll("[data-column]")];
const named = (field) => ["column", field.dataset.column, field.dataset.end].filter(Boolean).join(".");

/** Put what is asked into the address; a new question is a step that the browser can go back. */
export function keep({ record, file }) {
  const query = new URLSearchParams();
  const set = (name, value) => value && query.set(name, value);
  set("id", record);
  for (const name of FIELDS) if ($(name).value !== NOT_SAID[name]) set(name, $(name).value.trim());
  for (const field of columns()) set(named(field), field.value.trim());
  let number = null;
  if (file) {
    number = [...files].find(([, one]) => one === file)?.[0] ?? (latest += 1);
    files.set(number, file);
  }
  const address = `${location.pathname}${query.size ? `?${query}` : ""}`;
  const same = address === location.pathname + location.search && (history.state?.file ?? null) === number;
  if (!same) history.pushState({ file: number }, "", address);
}

/** Fill the fields from the address; return the record or the picture that is asked with, and whether there are filters. */
export function fill() {
  const query = new URLSearchParams(location.search);
  for (const name of FIELDS) $(name).value = query.get(name) ?? NOT_SAID[name] ?? "";
  for (const field of columns()) field.value = query.get(named(field)) ?? "";
  const filtered = [...query.keys()].some((name) => name !== "text" && name !== "id");
  return { record: query.get("id"), file: files.get(history.state?.file) ?? null, filtered };
}
