// Pictures, or a video, by drag, paste, picker or camera. The element comes from templates/_upload.html.
import { toast, words } from "./dom.js";

/** Call `take` with the chosen files; returns a function that switches pasting off. */
export function upload(element, take) {
  const many = "many" in element.dataset, kind = element.dataset.upload || "image";
  const given = (files) => {
    const pictures = [...files].filter((file) => {
      // a type that the browser does not know is the server's to judge
      const fits = !file.type || file.type.startsWith(`${kind}/`);
      if (!fits) toast(words(`error.type.${kind}`, { name: file.name, type: file.type }));
      return fits;
    });
    if (pictures.length) take(many ? pictures : [pictures[0]]);
  };
  for (const input of element.querySelectorAll("input[type=file]")) {
    input.addEventListener("change", () => {
      given(input.files);
      input.value = "";
    });
  }
  let depth = 0;
  element.addEventListener("dragenter", (event) => {
    event.preventDefault();
    depth += 1;
    element.classList.add("over");
  });
  element.addEventListener("dragover", (event) => event.preventDefault());
  element.addEventListener("dragleave", () => {
    depth -= 1;
    if (depth <= 0) element.classList.remove("over");
  });
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    element.classList.remove("over");
    given(event.dataTransfer.files);
  });
  const paste = (event) => {
    const files = event.clipboardData?.files ?? [];
    if (files.length) {
      event.preventDefault();
      given(files);
    }
  };
  // a picture dropped beside the field must not replace the page
  const keep = (event) => event.preventDefault();
  document.addEventListener("paste", paste);
  document.addEventListener("dragover", keep);
  document.addEventListener("drop", keep);
  return () => document.removeEventListener("paste", paste);
}
