// The page: shows what the server tells over one stream of events, and posts what the person does.

import { showDesk } from "./desk.js";
import { dismiss, showModal } from "./modal.js";
import { base, byId, fragment, language, post, say } from "./server.js";
import "./teams-card.js";

const KEPT = 200;
const [picks, composer, text, notice, wire] = ["picks", "composer", "text", "notice", "wire"].map(byId);

function cap(list, kind) {
  const all = list.querySelectorAll(kind);
  for (let extra = all.length - KEPT; extra > 0; extra--) all[extra - 1].remove();
}

// A card taller than its pane is read from its beginning. While something in the pane is being pressed it stays as it
// is: what moves away under the pointer would not be pressed after all.
function readLast(pane) {
  if (pane.matches(":active")) return;
  pane.scrollTop = pane.lastElementChild.offsetTop - pane.offsetTop - 16;
}

// ---- what comes

let live = false; // until "ready", what comes is history: shown, but not said aloud

function show(change) {
  const article = fragment(change.html).firstElementChild;
  const known = byId(`post-${change.id}`);
  const pane = byId(change.pane);
  if (known) {
    const focused = known.contains(document.activeElement);
    known.replaceWith(article);
    if (focused) article.focus({ preventScroll: true });
  } else {
    pane.append(article);
    cap(pane, ":scope > .post");
    readLast(pane);
  }
  if (live && change.said) say(change.said);
}

function clear() {
  for (const post of document.querySelectorAll(".post")) post.remove();
  wire.replaceChildren();
  dismiss();
  say("");
}

const events = new EventSource(`${base}/events?lang=${language}`);
events.onmessage = ({ data }) => {
  const change = JSON.parse(data);
  if (change.kind === "post") show(change);
  if (change.kind === "exchange") {
    wire.append(fragment(`<table>${change.html}</table>`).querySelector("tr"));
    cap(wire, ":scope > tr");
  }
  if (change.kind === "modal") showModal(change);
  if (change.kind === "desk") showDesk(change);
  if (change.kind === "reset") clear();
  if (change.kind === "bye") live = false;
  if (change.kind === "ready") {
    live = true;
    notice.textContent = "";
  }
};
events.onerror = () => {
  live = false;
  notice.textContent = notice.dataset.lost;
};

// ---- what goes

const picked = () => Object.fromEntries(new FormData(picks));

function send(words) {
  const { persona, place } = picked();
  return post("send", { text: words, persona, place, language });
}

function press(pane, element, what) {
  const message = element.closest(".post").dataset.message;
  post("press", { pane, message, persona: picked().persona, language, ...what });
}

composer.addEventListener("submit", async (event) => {
  event.preventDefault();
  const words = text.value.trim();
  if (!words) return;
  text.value = "";
  if (!(await send(words)) && !text.value) text.value = words;
});

document.querySelector(".chips").addEventListener("click", ({ target }) => {
  if (target.matches(".chip")) send(target.textContent);
});

// ---- presses: of Block Kit, whose elements say where they stand, and of cards, which tell by an event

function pressBlock(element) {
  const values = {};
  for (const input of element.closest(".post").querySelectorAll("input[data-action]")) {
    (values[input.dataset.block] ??= {})[input.dataset.action] = input.value;
  }
  const { block, action } = element.dataset;
  press("slack", element, { block, action, values });
}

const slack = byId("slack");
slack.addEventListener("click", ({ target }) => {
  const button = target.closest("button[data-action]");
  if (button) pressBlock(button);
});
slack.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches("input[data-enters]")) pressBlock(event.target);
});
byId("teams").addEventListener("execute", ({ target, detail }) => press("teams", target, detail));

// ---- what is picked lives in the address, so that it can be shared and survives a reload

picks.addEventListener("change", ({ target }) => {
  if (target.name === "persona") picks.elements.lang.value = target.selectedOptions[0].dataset.language;
  if (picks.elements.lang.value !== language) return picks.submit();
  history.replaceState(null, "", `?${new URLSearchParams(new FormData(picks))}`);
});
byId("reset").addEventListener("click", async () => {
  await post("reset", {});
  text.focus();
});

for (const button of document.querySelectorAll("[data-show]")) {
  button.addEventListener("click", () => {
    document.body.dataset.pane = button.dataset.show;
    for (const one of document.querySelectorAll("[data-show]")) one.setAttribute("aria-pressed", String(one === button));
    readLast(byId(button.dataset.show));
  });
}

const root = document.documentElement;
const theme = byId("theme");
theme.setAttribute("aria-pressed", String(root.dataset.theme === "dark"));
theme.addEventListener("click", () => {
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem("steady-theme", root.dataset.theme);
  theme.setAttribute("aria-pressed", String(root.dataset.theme === "dark"));
});
