// What every page has: the switch between light and dark.
import { announce, words } from "./dom.js";

document.getElementById("theme").addEventListener("click", () => announce(words(`theme.${globalThis.toggleTheme()}`)));
