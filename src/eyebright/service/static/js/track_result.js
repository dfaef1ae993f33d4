// What tracking found: the film, counts over time, stays, events and files.
import { get } from "./api.js";
import { curve } from "./chart.js";
import { $, count, h, words } from "./dom.js";
import { table } from "./table.js";

/** Show the result with this id in the section #result. */
export async function showResult(id) {
  const { report, timeline, files } = await get(`/track/results/${encodeURIComponent(id)}`);
  const [one] = report.sources;
  $("result").dataset.id = id;
  $("result").hidden = false;
  $("film").hidden = !files.video;
  if (files.video) $("film").src = files.video;
  else $("film").removeAttribute("src");
  $("summary").replaceChildren(...facts(one));
  $("charts").replaceChildren(...charts(timeline));
  $("stays").replaceChildren(stays(timeline));
  $("events").replaceChildren(events(timeline));
  $("downloads").replaceChildren(
    ...Object.entries(files).map(([name, address]) => h("a", { class: "button secondary", href: address, download: true }, words(`track.file.${name}`))),
  );
  $("result").focus({ preventScroll: true });
  $("result").scrollIntoView({ block: "start" });
}

function facts(one) {
  const rows = [
    [words("track.objects"), count(one.tracks)],
    ...Object.entries(one.lines).map(([name, line]) => [words("track.in_out", { name }), `${line.in} / ${line.out}`]),
    ...Object.entries(one.zones).flatMap(([name, zone]) => [
      [words("track.visits", { name }), count(zone.visits)],
      ...(zone.mean_dwell_s === null ? [] : [[words("track.mean", { name }), seconds(zone.mean_dwell_s)]]),
    ]),
    [words("track.frames"), count(one.frames)],
    [words("track.length"), seconds(one.media_s)],
    [words("track.speed"), words("track.speed_value", { fps: one.fps.toFixed(1) })],
  ];
  return rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)));
}

function charts(timeline) {
  if (!timeline.time_s.length) return [];
  const pairs = (values) => timeline.time_s.map((time, i) => [time, values[i]]);
  const figure = (chart, ...caption) => h("figure", {}, chart, h("figcaption", {}, ...caption));
  const key = (name, second) => h("span", {}, h("span", { class: second ? "key second" : "key" }), words(name), " ");
  const all = words("track.chart_objects");
  return [
    figure(curve(pairs(timeline.objects), all), all),
    ...Object.entries(timeline.lines).map(([name, ways]) => {
      const title = words("track.chart_line", { name });
      return figure(curve(pairs(ways.in), title, { second: pairs(ways.out) }), `${title}: `, key("track.in", false), key("track.out", true));
    }),
    ...Object.entries(timeline.zones).map(([name, values]) => {
      const title = words("track.chart_zone", { name });
      return figure(curve(pairs(values), title), title);
    }),
  ];
}

function stays(timeline) {
  if (!timeline.stays.length) return h("p", { class: "hint" }, words("track.no_stays"));
  const columns = [
    { title: words("track.zone"), cell: (stay) => stay.where },
    { title: words("track.object"), cell: (stay) => stay.track_id, number: true },
    { title: words("track.class"), cell: (stay) => stay.class_name },
    { title: words("track.stay"), cell: (stay) => seconds(stay.dwell_s), number: true },
    { title: words("track.until"), cell: moment },
  ];
  const longest = [...timeline.stays].sort((a, b) => b.dwell_s - a.dwell_s);
  return part(columns, longest, words("track.last", { shown: longest.length, count: timeline.stay_count }), timeline.stay_count, "track.stay");
}

function events(timeline) {
  if (!timeline.events.length) return h("p", { class: "hint" }, words("track.none"));
  const columns = [
    { title: words("track.time"), cell: moment },
    { title: words("track.what"), cell: (event) => words(event.type === "crossing" ? `track.crossing.${event.direction}` : `track.${event.type}`) },
    { title: words("track.where"), cell: (event) => event.where },
    { title: words("track.object"), cell: (event) => event.track_id, number: true },
    { title: words("track.class"), cell: (event) => event.class_name },
  ];
  const shown = timeline.events;
  return part(columns, shown, words("track.first", { shown: shown.length, count: timeline.event_count }), timeline.event_count, "track.what");
}

/** A table that scrolls by itself, and how many rows it leaves out. */
function part(columns, rows, left, total, label) {
  return h(
    "div",
    {},
    h("div", { class: "scroll tall", tabindex: "0", role: "region", "aria-label": words(label) }, table(columns, rows)),
    total > rows.length ? h("p", { class: "hint" }, left) : null,
  );
}

/** The time of an event, which shows its moment in the film. */
function moment(event) {
  const time = event.time_s.toFixed(1);
  const jump = () => {
    $("film").currentTime = event.time_s;
    $("film").scrollIntoView({ block: "nearest" });
  };
  return h("button", { class: "quiet", type: "button", onclick: jump, "aria-label": words("track.jump", { time }) }, seconds(event.time_s));
}

const seconds = (value) => words("track.seconds", { seconds: value.toFixed(1) });
