// While somebody writes, what is wrong appears at its field; without this the same appears when the form is sent.

const form = document.getElementById("piece");
let waiting = 0;
let asked = 0;

/** Show what is wrong at every field, as the server sees it. */
function show(found) {
  for (const list of document.querySelectorAll("ul.wrong[id$='-wrong']")) {
    const name = list.id.slice(0, -"-wrong".length);
    const troubles = found[name === "all" ? "" : name] ?? [];
    const field = document.getElementById(name);
    const shown = [...list.children].map((item) => item.className + item.textContent).join("\n");
    if (field && field !== form) {
      if (troubles.some((one) => one.blocks)) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
    }
    // A list that stays as it is must not be read aloud again.
    if (shown === troubles.map((one) => (one.blocks ? "blocks" : "warns") + one.text).join("\n")) continue;
    list.replaceChildren(
      ...troubles.map((one) => {
        const item = document.createElement("li");
        item.className = one.blocks ? "blocks" : "warns";
        item.textContent = one.text;
        return item;
      }),
    );
  }
}

async function check() {
  const number = ++asked;
  const body = new URLSearchParams(new FormData(form));
  const url = `${form.dataset.check}?lang=${document.documentElement.lang}`;
  try {
    const response = await fetch(url, { method: "POST", body });
    if (response.ok && number === asked) show(await response.json());
  } catch {
    // Nothing is lost: everything is checked again when the form is sent.
  }
}

function soon() {
  clearTimeout(waiting);
  waiting = setTimeout(check, 700);
}

form.addEventListener("input", soon);
// What was typed before this ran, or the browser has put back, is looked at too.
if ([...form.elements].some((field) => field.defaultValue !== undefined && field.value !== field.defaultValue)) soon();
