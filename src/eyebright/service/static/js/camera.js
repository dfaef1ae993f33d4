// The camera of this device: pictures stay in the browser until somebody takes a photo.
import { $, h, notice, words } from "./dom.js";

/** Gives photos of what a `video` element shows. */
export class Camera {
  constructor(video) {
    this.video = video;
    this.taken = 0;
  }

  /** Ask for the camera and show it; an Error says why there is none. */
  async start(facing = "environment") {
    if (!navigator.mediaDevices?.getUserMedia) throw new Error(words("live.no_camera"));
    this.video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: facing } });
    await this.video.play();
  }

  async photo() {
    const canvas = h("canvas", { width: this.video.videoWidth, height: this.video.videoHeight });
    canvas.getContext("2d").drawImage(this.video, 0, 0);
    const blob = await new Promise((give) => canvas.toBlob(give, "image/jpeg", 0.92));
    this.taken += 1;
    return new File([blob], `photo-${this.taken}.jpg`, { type: "image/jpeg" });
  }

  /** Switch it off; its light goes out. */
  stop() {
    for (const track of this.video.srcObject?.getTracks() ?? []) track.stop();
    this.video.srcObject = null;
  }
}

/** Let buttons open the dialog of templates/_faces.html; `buttons` are [button, what to do with a photo]. */
export function cameraDialog(buttons) {
  const dialog = $("camera-dialog");
  const [video, photo, message] = ["video", "[data-photo]", "[data-message]"].map((one) => dialog.querySelector(one));
  const camera = new Camera(video);
  let take = null;
  for (const [button, taken] of buttons) {
    button.addEventListener("click", async () => {
      take = taken;
      notice(message, "");
      dialog.showModal();
      try {
        await camera.start("user");
        if (dialog.open) photo.disabled = false;
        else camera.stop();
      } catch (error) {
        notice(message, error.message);
      }
    });
  }
  photo.addEventListener("click", async () => {
    const file = await camera.photo();
    dialog.close();
    take(file);
  });
  dialog.addEventListener("close", () => {
    photo.disabled = true;
    camera.stop();
  });
}
