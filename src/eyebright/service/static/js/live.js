// A live view of a source of the server, and the camera of this device.
import { classify } from "./classify.js";
import { $, h, notice, toast, words } from "./dom.js";
import { LiveView } from "./live_view.js";

const view = new LiveView($("view"), () => { $("stop").disabled = true; });

$("open").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("start").disabled = true;
  try {
    await view.open($("source").value.trim());
    $("stop").disabled = view.id === null;
  } catch (problem) {
    notice(view.message, problem.message);
  } finally {
    $("start").disabled = false;
  }
});
$("stop").addEventListener("click", () => view.close());

$("device").addEventListener("click", async () => {
  if (!navigator.mediaDevices?.getUserMedia) {
    toast(words("live.no_camera"));
    return;
  }
  try {
    $("camera").srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    await $("camera").play();
    $("photo").disabled = false;
  } catch (error) {
    toast(error.message);
  }
});
$("photo").addEventListener("click", async () => {
  const canvas = h("canvas", { width: $("camera").videoWidth, height: $("camera").videoHeight });
  canvas.getContext("2d").drawImage($("camera"), 0, 0);
  const blob = await new Promise((give) => canvas.toBlob(give, "image/jpeg", 0.92));
  await classify([new File([blob], "photo.jpg", { type: "image/jpeg" })], $("results"), view.message);
});
