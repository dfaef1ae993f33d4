// All background jobs.
import { $ } from "./dom.js";
import { JobList } from "./jobs.js";

new JobList($("jobs"), { empty: $("empty") });
