// The desk: the playground's clock, the schedules, the failures, the ledger.

import { byId, fragment, language, post, say } from "./server.js";

const [clock, schedules, ledger, notice] = ["clock", "schedules", "ledger", "desk-notice"].map(byId);

// ---- the clock ticks here; the server says what it shows

let ahead = 0;
const faces = new Map();

// Not every browser can write a date in Georgian, so the names come with the page.
const [days, months] = [clock.dataset.days, clock.dataset.months].map((names) => names.split("|"));
const numbers = { year: "numeric", month: "2-digit", day: "2-digit" };
const times = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };

function face(timeZone) {
  const [pair, name, time] = ["div", "dt", "dd"].map((tag) => document.createElement(tag));
  const format = new Intl.DateTimeFormat("sv-SE", { ...numbers, ...times, timeZone });
  name.textContent = timeZone;
  pair.append(name, time);
  clock.append(pair);
  return (moment) => {
    const [day, hours] = format.format(moment).split(" ");
    const [year, month, number] = day.split("-").map(Number);
    const weekday = days[new Date(day).getUTCDay()];
    time.textContent = `${weekday}, ${number} ${months[month - 1]} ${year}, ${hours}`;
  };
}

function setZones(zones) {
  if (String([...faces.keys()]) === String(zones)) return;
  clock.replaceChildren();
  faces.clear();
  for (const zone of zones) {
    try {
      faces.set(zone, face(zone));
    } catch {
      // A browser older than the zone's name: the schedule itself still says it.
    }
  }
}

function tick() {
  const now = new Date(Date.now() + ahead);
  for (const show of faces.values()) show(now);
}
setInterval(tick, 1000);

// Replacing what is the same would only take away what somebody has selected.
function put(place, html) {
  if (place.shown !== html) place.replaceChildren(fragment(html));
  place.shown = html;
}

/** Show the desk as the server says that it stands. */
export function showDesk(state) {
  ahead = state.now - Date.now();
  setZones(state.zones);
  tick();
  byId("move").elements.moment.min = new Date(state.now).toISOString().slice(0, 16);
  put(schedules, state.schedules);
  put(ledger, state.ledger);
  for (const [pane, words] of Object.entries(state.faults)) {
    const now = byId(`fault-${pane}-now`);
    if (now.textContent !== words) now.textContent = words;
  }
}

// ---- what is pressed

async function move(to, moment = null) {
  const answer = await post("clock", { to, moment, language }, notice);
  if (answer) say(answer.said);
}

byId("moves").addEventListener("click", ({ target }) => {
  if (target.dataset.to) move(target.dataset.to);
});
byId("move").addEventListener("submit", (event) => {
  event.preventDefault();
  move("moment", event.target.elements.moment.value);
});
for (const form of document.querySelectorAll("[data-break]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { kind, count } = form.elements;
    post("break", { pane: form.dataset.break, kind: kind.value, count: count.valueAsNumber }, notice);
  });
}
byId("kill").addEventListener("click", async ({ target }) => {
  if (await post("kill", {}, notice)) say(target.dataset.done);
});
