// Form fields from a JSON Schema of plain values: numbers, texts, choices, yes or no.
import { h, words } from "./dom.js";

/** Return the elements of a form for the properties of a schema; each has its name in `data-field`. */
export function fields(schema) {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).map(([name, property]) => field(name, property, required.has(name)));
}

function field(name, property, required) {
  // a value that may be left out is written as one of two kinds, the other being null
  const kind = property.anyOf?.find((one) => one.type !== "null") ?? property;
  const optional = property.anyOf !== undefined;
  const id = `field-${name}`;
  const help = property.description ? h("p", { class: "hint", id: `${id}-help` }, property.description.replaceAll("`", "")) : null;
  const common = { id, "data-field": name, "aria-describedby": help ? `${id}-help` : null, required };
  const title = h("label", { for: id }, spoken(name));
  if (kind.type === "boolean") {
    const box = h("input", { ...common, type: "checkbox" });
    box.checked = property.default === true;
    return h("div", {}, h("label", { class: "check", for: id }, box, spoken(name)), help);
  }
  if (kind.enum) {
    const choices = kind.enum.map((value) => h("option", { value, selected: value === property.default }, value));
    return h("div", {}, title, h("select", common, choices), help);
  }
  const number = kind.type === "number" || kind.type === "integer";
  const input = h("input", {
    ...common,
    type: number ? "number" : "text",
    step: number ? (kind.type === "integer" ? 1 : "any") : null,
    min: kind.minimum,
    max: kind.maximum,
    maxlength: kind.maxLength,
    placeholder: optional ? words("image.automatic") : property.examples?.[0],
    spellcheck: number ? null : "false",
    autocapitalize: number ? null : "off",
  });
  input.value = property.default ?? "";
  return h("div", {}, title, input, help);
}

/** Return what was filled in, as it stands in an address; what was left empty is left out. */
export function filled(form) {
  const query = new URLSearchParams();
  for (const one of form.querySelectorAll("[data-field]")) {
    const value = one.type === "checkbox" ? String(one.checked) : one.value.trim();
    if (value) query.set(one.dataset.field, value);
  }
  return query;
}

function spoken(name) {
  const text = name.replaceAll("_", " ");
  return text[0].toUpperCase() + text.slice(1);
}
