// Small helpers: elements, words, numbers, messages.

const texts = JSON.parse(document.getElementById("words").textContent);

/** Return a text of pages/words with {names} filled in. */
export function words(key, values = {}) {
  const text = texts[key];
  if (text === undefined) throw new Error(`no words for ${key}`);
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** Return an element. Attributes beginning with "on" are listeners; null and false ones are left out. */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Return an SVG element. */
export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// Drawn here: not every machine has a font with such signs.
const SIGNS = {
  like: "M7 11v9H4v-9zm2 9V10l4-7c1.4 0 2 1 2 2.2L14.5 9H20l-1.5 9.2c-.2 1.1-1 1.8-2.1 1.8z",
  dislike: "M7 13V4H4v9zm2-9v10l4 7c1.4 0 2-1 2-2.2L14.5 15H20l-1.5-9.2C18.3 4.7 17.5 4 16.4 4z",
  similar: "M4 5h9v9H4zm5 11v4h11V9h-5",
  folder: "M3 6h6l2 2h10v11H3z",
};

/** Return a small sign: like, dislike, similar or folder. */
export function sign(name) {
  return svg(
    "svg",
    { viewBox: "0 0 24 24", width: 20, height: 20, "aria-hidden": "true", class: "sign" },
    svg("path", { d: SIGNS[name] }),
  );
}

export const $ = (id) => document.getElementById(id);

/** Say something to screen readers. */
export function announce(text) {
  let place = $("announcer");
  if (!place) {
    place = h("div", { id: "announcer", class: "hidden-input", "aria-live": "polite" });
    document.body.append(place);
  }
  place.textContent = text;
}

/** Show an error until it is closed, or for a quarter of a minute. */
export function toast(text) {
  const box = h("div", { class: "toast" }, h("span", {}, text));
  const close = h("button", { class: "quiet", type: "button", onclick: () => box.remove() }, words("close"));
  box.append(close);
  $("toasts").append(box);
  setTimeout(() => box.remove(), 15000);
}

/** Show an error in the page, in place of what was asked for. */
export function notice(place, text) {
  place.replaceChildren(text ? h("p", { class: "notice bad", role: "alert" }, text) : "");
}

export function bytes(count) {
  if (!count) return "";
  const units = ["B", "KB", "MB", "GB"];
  let unit = 0;
  while (count >= 1000 && unit < units.length - 1) { count /= 1000; unit += 1; }
  return `${count.toFixed(count < 10 && unit ? 1 : 0)} ${units[unit]}`;
}

export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

export const count = (number) => number.toLocaleString("en");
