// The pictures of a live view with its rate, latency and state.
import { call, get, post } from "./api.js";
import { $, h, notice, words } from "./dom.js";

const STATUS_MS = 1000;

/** Fills an element of class `live`, which says in `data-empty` and `data-alt` what it is. */
export class LiveView {
  /** `path` opens a view; `ended` is called when one has come to its end. */
  constructor(place, { path = "/live", ended = () => {} } = {}) {
    this.path = path;
    this.place = place;
    this.ended = ended;
    this.status = h("p", { class: "hint one-line", "aria-live": "off" });
    this.message = h("div", {});
    place.after(this.status, this.message);
    this.id = null;
    this.rest();
    this.own = true;
    addEventListener("pagehide", () => this.id && this.own && fetch(`/live/${this.id}`, { method: "DELETE", keepalive: true }));
  }

  rest() {
    this.place.replaceChildren(h("p", {}, this.place.dataset.empty));
  }

  async open(source) {
    await this.close();
    notice(this.message, "");
    await this.show((await post(this.path, { source })).id, true);
  }

  /** Show a view that is open; one that is not our `own` goes on when this page is left. */
  async show(id, own) {
    [this.id, this.own] = [id, own];
    this.place.replaceChildren(h("img", { src: `/live/${this.id}/stream`, alt: this.place.dataset.alt }));
    this.timer = setInterval(() => this.ask(), STATUS_MS);
    await this.ask();
  }

  async ask() {
    const mine = this.id;
    if (!mine) return;
    try {
      const now = await get(`/live/${mine}`);
      if (mine !== this.id) return;
      const facts = words("live.status", { fps: now.fps, latency: now.latency_ms, dropped: now.dropped });
      this.status.textContent = `${words(`live.state.${now.state}`)} · ${facts}`;
      if (now.problem) notice(this.message, now.problem);
      if (["ended", "failed", "closed"].includes(now.state)) await this.stop(now.state !== "ended");
    } catch (problem) {
      notice(this.message, problem.message);
      await this.stop(true);
    }
  }

  /** Stop asking; the last picture stays unless the source failed. */
  async stop(blank) {
    clearInterval(this.timer);
    const mine = this.id;
    this.id = null;
    if (blank) this.rest();
    this.ended();
    if (mine && this.own) await call("DELETE", `/live/${mine}`).catch(() => null);
  }

  async close() {
    if (this.id) await this.stop(true);
    this.status.textContent = "";
  }
}

/** Give life to the form of a source (#open with #source, #start, #stop) above #view, and return the view. */
export function liveForm(path, changed = () => {}) {
  const ended = () => {
    $("stop").disabled = true;
    changed();
  };
  const view = new LiveView($("view"), { path, ended });
  $("open").addEventListener("submit", async (event) => {
    event.preventDefault();
    $("start").disabled = true;
    try {
      await view.open($("source").value.trim());
      $("stop").disabled = view.id === null;
      changed();
    } catch (problem) {
      notice(view.message, problem.message);
    } finally {
      $("start").disabled = false;
    }
  });
  $("stop").addEventListener("click", () => view.close());
  return view;
}
