// The catalogue of models; fetching and checking run as jobs.
import { get, post } from "./api.js";
import { $, bytes, h, notice, toast, words } from "./dom.js";
import { JobList } from "./jobs.js";
import { table } from "./table.js";

const list = new JobList($("jobs"), { wanted: (job) => job.kind.startsWith("models.") && !old(job), ended: show });
const opened = Date.now();

/** Only what began while this page was open: the page Jobs has the rest. */
function old(job) {
  return job.finished_at !== null && Date.parse(job.finished_at) < (opened ?? Date.now());
}

async function show() {
  let items;
  try {
    ({ items } = await get("/models"));
  } catch (problem) {
    notice($("table"), problem.message);
    return;
  }
  $("table").replaceChildren(
    table(
      [
        { title: words("models.name"), cell: (model) => h("code", {}, model.name) },
        { title: words("models.task"), cell: (model) => model.abilities.join(", ") },
        { title: words("models.licence"), cell: licence },
        { title: words("models.size"), cell: (model) => bytes(model.size_bytes), number: true },
        { title: words("models.source"), cell: (model) => model.source },
        { title: words("models.state"), cell: (model) => words(model.present ? "models.present" : "models.absent") },
        { title: "", cell: button },
      ],
      items,
    ),
  );
}

function licence(model) {
  return model.licence_url ? h("a", { href: model.licence_url, rel: "noopener noreferrer", target: "_blank" }, model.licence) : model.licence;
}

function button(model) {
  const verb = model.present ? "verify" : "pull";
  const act = async () => {
    try {
      list.take((await post(`/models/${encodeURIComponent(model.name)}/${verb}`)).job);
    } catch (problem) {
      toast(problem.message);
    }
  };
  return h("button", { class: "secondary", type: "button", onclick: act, "aria-label": words(`models.${verb}_label`, model) }, words(`models.${verb}`));
}

show();
