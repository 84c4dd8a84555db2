// The figures of a push that is under way, and what can be done about it, fetched again and again until it is done.

const EVERY = 1500;
const place = document.getElementById("live");
// The server has drawn and escaped this fragment; nothing else may become HTML here.
const policy = globalThis.trustedTypes?.createPolicy("steady#fragment", { createHTML: (html) => html });

async function look() {
  try {
    const response = await fetch(`${place.dataset.figures}?lang=${document.documentElement.lang}`);
    if (response.redirected) return; // to the sign-in: whoever comes back there loads this page anew
    if (response.ok) {
      const html = await response.text();
      const template = document.createElement("template");
      template.innerHTML = policy ? policy.createHTML(html) : html;
      for (const part of ["figures", "acts"]) {
        const fresh = template.content.getElementById(part);
        const old = document.getElementById(part);
        // What did not change stays: a screen reader would read it again.
        if (!fresh || fresh.innerHTML === old.innerHTML) continue;
        const focused = old.contains(document.activeElement);
        old.replaceWith(fresh);
        if (focused) document.getElementById("figures").focus();
      }
      if (document.getElementById("figures").dataset.live === "no") return;
    }
  } catch {
    // The next look may succeed.
  }
  setTimeout(look, EVERY);
}

setTimeout(look, EVERY);
