// What every part of the page needs of the server: fragments that it has drawn, and a way to post to it.

export const base = document.body.dataset.base;
export const language = document.documentElement.lang;
export const byId = (id) => document.getElementById(id);

// The server has drawn and escaped these fragments; nothing else may become HTML here.
const policy = globalThis.trustedTypes?.createPolicy("steady#fragment", { createHTML: (html) => html });

/** Return what a fragment of the server's holds. */
export function fragment(html) {
  const template = document.createElement("template");
  template.innerHTML = policy ? policy.createHTML(html) : html;
  return template.content;
}

/** Say something aloud to a screen reader. */
export function say(words) {
  byId("said").textContent = words;
}

/** Post as JSON; return the answer, or null after saying in `notice` what is wrong. */
export async function post(path, body, notice = byId("notice")) {
  const words = byId("notice").dataset;
  notice.textContent = "";
  try {
    const headers = { "Content-Type": "application/json" };
    const response = await fetch(`${base}/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    const answer = response.ok ? await response.json() : { ok: false };
    if (answer.ok) return answer;
    notice.textContent = notice.dataset[answer.refused] ?? words.failed;
  } catch {
    notice.textContent = words.lost;
  }
  return null;
}
