// A live view of a source of the server, and the camera of this device.
import { Camera } from "./camera.js";
import { classify } from "./classify.js";
import { $, toast } from "./dom.js";
import { liveForm } from "./live_view.js";

const view = liveForm("/live");
const camera = new Camera($("camera"));

$("device").addEventListener("click", async () => {
  try {
    await camera.start();
    $("photo").disabled = false;
  } catch (error) {
    toast(error.message);
  }
});
$("photo").addEventListener("click", async () => {
  await classify([await camera.photo()], $("results"), view.message);
});
