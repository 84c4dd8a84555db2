// Slack's modals: the server draws the form, the browser's own <dialog> keeps the focus in it and closes it by Escape.

import { byId, fragment, post } from "./server.js";

const dialog = byId("modal");
const form = () => dialog.querySelector("form");

/** Show what the server says of a modal; without HTML it is closed. */
export function showModal({ id, html }) {
  if (!html) {
    if (form()?.dataset.modal === id) dismiss();
    return;
  }
  dialog.replaceChildren(fragment(html));
  if (!dialog.open) dialog.showModal();
  const wrong = dialog.querySelector("[aria-invalid]");
  (wrong ?? dialog.querySelector("[data-block]") ?? dialog).focus();
}

/** Take the modal away; the focus goes back to where it came from. */
export function dismiss() {
  dialog.close();
  dialog.replaceChildren();
}

function values() {
  const found = {};
  for (const input of dialog.querySelectorAll("[data-block]")) {
    const block = (found[input.dataset.block] ??= []);
    const counts = input.type === "checkbox" || input.type === "radio" ? input.checked : input.value !== "";
    if (counts) block.push(input.value);
  }
  return found;
}

const close = () => form() && post("close", { modal: form().dataset.modal });

dialog.addEventListener("submit", (event) => {
  event.preventDefault();
  post("submit", { modal: form().dataset.modal, values: values() });
});
dialog.addEventListener("click", ({ target }) => {
  if (target.closest("[data-close]")) close();
});
dialog.addEventListener("cancel", (event) => {
  event.preventDefault();
  close();
});
