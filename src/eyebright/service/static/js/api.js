// Requests to the API. A refusal becomes an Error whose message is the one line that the server gave.
import { words } from "./dom.js";

export class Problem extends Error {
  constructor(status, kind, detail) {
    super(detail);
    this.status = status;
    this.kind = kind;
  }
}

/** Return the answer to a request that went well. */
export async function ask(method, path, body, signal) {
  const options = { method, signal, headers: { Accept: "application/json" } };
  if (body instanceof FormData) options.body = body;
  else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "network", words("error.network"));
  }
  if (answer.status === 401) location.assign(`/app/login?${new URLSearchParams({ next: location.pathname })}`);
  if (answer.ok) return answer;
  const data = isJson(answer) ? await answer.json() : null;
  throw new Problem(answer.status, data?.type ?? "", data?.detail ?? words("error.title"));
}

export const isJson = (answer) => /json/.test(answer.headers.get("Content-Type") ?? "");

/** Return what an answer says, null when it says nothing. */
export async function call(method, path, body, signal) {
  const answer = await ask(method, path, body, signal);
  return answer.status !== 204 && isJson(answer) ? answer.json() : null;
}

export const get = (path, signal) => call("GET", path, undefined, signal);
export const post = (path, body, signal) => call("POST", path, body, signal);

/** Return a form of the values that are there. */
export function form(values) {
  const data = new FormData();
  for (const [name, value] of Object.entries(values)) {
    if (value === null || value === undefined || value === "" || value === false) continue;
    data.append(name, value);
  }
  return data;
}
