// A live view with names, and who was seen from when to when.
import { call, form, get, post } from "./api.js";
import { $, notice } from "./dom.js";
import { presence } from "./faces_parts.js";
import { liveForm } from "./live_view.js";

const AGAIN_MS = 2000;

async function load() {
  try {
    const { items } = await get("/faces/presence");
    $("presence").replaceChildren(items.length ? presence(items) : $("empty").content.cloneNode(true));
    $("clear").disabled = !items.length;
    notice($("message"), "");
  } catch (problem) {
    notice($("message"), problem.message);
  }
}

const view = liveForm("/faces/live", load);
setInterval(() => view.id && !document.hidden && load(), AGAIN_MS);
// `eyebright faces watch --show` watches itself; this page only looks
const watched = new URLSearchParams(location.search).get("view");
if (watched) view.show(watched, false);

$("clear").addEventListener("click", async () => {
  try {
    await call("DELETE", "/faces/presence");
    await load();
  } catch (problem) {
    notice($("message"), problem.message);
  }
});
// the same file may be chosen again when it has grown
$("events").addEventListener("click", () => { $("events").value = ""; });
$("events").addEventListener("change", async () => {
  const [file] = $("events").files;
  $("events-rows").replaceChildren();
  notice($("events-message"), "");
  if (!file) return;
  try {
    const { items } = await post("/faces/presence", form({ events: file }));
    $("events-rows").replaceChildren(items.length ? presence(items) : $("empty").content.cloneNode(true));
  } catch (problem) {
    notice($("events-message"), problem.message);
  }
});
load();
