// Background jobs: a list that follows the server by events, and by asking when events do not come through.
import { call, get, post } from "./api.js";
import { duration, h, toast, words } from "./dom.js";

const POLL_MS = 2000;
const ENDED = new Set(["done", "failed", "cancelled"]);

export class JobList {
  /**
   * Show the jobs that `wanted(job)` admits. `ended(job)` is called once for every job that ends while the page is open;
   * `empty` is a template that is shown when there are none; `open(job)` shows the result of one that is done.
   */
  constructor(place, { wanted = () => true, ended = () => {}, open = null, empty = null } = {}) {
    this.place = place;
    this.wanted = wanted;
    this.ended = ended;
    this.open = open;
    this.empty = empty;
    this.jobs = new Map();
    this.rows = new Map();
    this.load().then(() => this.follow());
  }

  async load() {
    try {
      const page = await get("/jobs?limit=100");
      const listed = new Set(page.items.map((job) => job.id));
      for (const id of [...this.jobs.keys()]) if (!listed.has(id) && ENDED.has(this.jobs.get(id).state)) this.drop(id);
      for (const job of page.items.reverse()) this.take(job, true);
    } catch (problem) {
      if (!this.told) toast(problem.message);
      this.told = true;
    }
    this.showEmpty();
  }

  follow() {
    const events = new EventSource("/jobs/events");
    events.addEventListener("job", (event) => this.take(JSON.parse(event.data)));
    events.addEventListener("error", () => {
      if (events.readyState === EventSource.CLOSED) this.timer ??= setInterval(() => this.load(), POLL_MS);
    });
    // a stream that was cut may have missed the end of a job
    events.addEventListener("open", () => this.load());
    addEventListener("pagehide", () => events.close());
  }

  take(job, quiet = false) {
    if (!this.wanted(job)) return;
    const before = this.jobs.get(job.id);
    this.jobs.set(job.id, job);
    const there = this.rows.get(job.id);
    // progress comes many times a second; a button that is pressed or has the focus must stay the same one
    if (there && before.state === job.state && before.cancelling === job.cancelling && !before.total === !job.total) {
      this.refresh(there, job);
    } else this.put(there, this.row(job), job.id);
    this.showEmpty();
    if (ENDED.has(job.state) && !ENDED.has(before?.state) && (before || !quiet)) this.ended(job);
  }

  put(there, row, id) {
    const focused = there?.contains(document.activeElement);
    if (there) there.replaceWith(row);
    else this.place.prepend(row);
    this.rows.set(id, row);
    if (focused) (row.querySelector("button:enabled") ?? row).focus({ preventScroll: true });
  }

  refresh(row, job) {
    const bar = row.querySelector("progress");
    if (bar && job.total) {
      bar.max = job.total;
      bar.value = job.done;
    }
    row.querySelector(".facts").textContent = facts(job);
  }

  drop(id) {
    this.rows.get(id)?.remove();
    this.rows.delete(id);
    this.jobs.delete(id);
    this.showEmpty();
  }

  showEmpty() {
    if (!this.empty) return;
    const there = this.place.querySelector(".state");
    if (this.jobs.size) there?.remove();
    else if (!there) this.place.append(this.empty.content.cloneNode(true));
  }

  row(job) {
    const running = job.state === "running";
    const state = job.cancelling && running ? words("jobs.cancelling") : words(`jobs.state.${job.state}`);
    const bar = running
      ? h("progress", { "aria-label": words("jobs.progress", job), max: job.total || null, value: job.total ? job.done : null })
      : null;
    return h(
      "article",
      { class: "job", "data-id": job.id, "data-state": job.state, tabindex: "-1" },
      h(
        "div",
        { class: "row between" },
        h("h3", {}, job.title),
        h("div", { class: "row" }, h("span", { class: `badge ${job.state}` }, state), this.shower(job), this.button(job)),
      ),
      bar,
      h("p", { class: "hint one-line facts" }, facts(job)),
      job.problem ? h("p", { class: "problem" }, job.problem) : null,
      job.state === "done" ? files(job) : null,
    );
  }

  /** A button that shows what a job has made. */
  shower(job) {
    if (!this.open || job.state !== "done") return null;
    const label = words("jobs.open_label", job);
    return h("button", { class: "secondary", type: "button", onclick: () => this.open(job), "aria-label": label }, words("jobs.open"));
  }

  button(job) {
    const ended = ENDED.has(job.state);
    const act = async () => {
      try {
        if (ended) {
          await call("DELETE", `/jobs/${job.id}`);
          this.drop(job.id);
        } else this.take(await post(`/jobs/${job.id}/cancel`));
      } catch (problem) {
        toast(problem.message);
      }
    };
    const name = ended ? "jobs.remove" : "jobs.cancel";
    return h(
      "button",
      { class: "secondary", type: "button", onclick: act, "aria-label": words(`${name}_label`, job), disabled: job.cancelling },
      words(name),
    );
  }
}

/** Links to the files that a job made. */
function files(job) {
  const names = Array.isArray(job.result?.files) && job.kind.startsWith("detect.") ? job.result.files : [];
  const link = (name) => h("a", { class: "button secondary", href: `/jobs/${job.id}/files/${encodeURIComponent(name)}`, download: name }, name);
  return names.length ? h("p", { class: "row files" }, names.map(link)) : null;
}

/** How far it is and how fast it goes, or when it ended. */
function facts(job) {
  if (job.state !== "running") return job.finished_at ? new Date(job.finished_at).toLocaleString() : "";
  const parts = [];
  if (job.total) parts.push(words("jobs.steps", { done: job.done, total: job.total }));
  if (job.rate) {
    parts.push(words("jobs.rate", { rate: job.rate.toFixed(1) }));
    if (job.total) parts.push(words("jobs.left", { time: duration((job.total - job.done) / job.rate) }));
  }
  return parts.join(" · ");
}
