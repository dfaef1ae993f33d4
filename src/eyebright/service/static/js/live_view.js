// The pictures of a live view with its rate, latency and state.
import { call, get, post } from "./api.js";
import { h, notice, words } from "./dom.js";

const STATUS_MS = 1000;

/** Fills an element of class `live`, which says in `data-empty` and `data-alt` what it is. */
export class LiveView {
  constructor(place, ended = () => {}) {
    this.place = place;
    this.ended = ended;
    this.status = h("p", { class: "hint one-line", "aria-live": "off" });
    this.message = h("div", {});
    place.after(this.status, this.message);
    this.id = null;
    this.rest();
    addEventListener("pagehide", () => this.id && navigator.sendBeacon && fetch(`/live/${this.id}`, { method: "DELETE", keepalive: true }));
  }

  rest() {
    this.place.replaceChildren(h("p", {}, this.place.dataset.empty));
  }

  async open(source) {
    await this.close();
    notice(this.message, "");
    this.id = (await post("/live", { source })).id;
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
    if (mine) await call("DELETE", `/live/${mine}`).catch(() => null);
  }

  async close() {
    if (this.id) await this.stop(true);
    this.status.textContent = "";
  }
}
