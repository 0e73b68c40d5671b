// Keeps the element #live as the server has it: it is asked for again when gitsync says that something happened.

const live = document.getElementById("live");
const QUIET_MS = 250;
let waiting = null;

async function refresh() {
  waiting = null;
  // Not while a menu is open or a button is about to be pressed by keyboard in it.
  if (live.querySelector("details[open]")) return later(1000);
  const answer = await fetch(live.dataset.live, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer || !answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("live");
  if (!fresh || fresh.innerHTML === live.innerHTML) return;
  const focused = document.activeElement && live.contains(document.activeElement) ? address(document.activeElement) : "";
  live.replaceChildren(...fresh.childNodes);
  if (focused) [...live.querySelectorAll("a, button, summary")].find((one) => address(one) === focused)?.focus();
}

function address(element) {
  const form = element.closest("form");
  const card = element.closest("[id]");
  return [card?.id, form?.getAttribute("action"), element.getAttribute("href"), element.textContent.trim()].join("|");
}

function later(milliseconds = QUIET_MS) {
  waiting ??= setTimeout(refresh, milliseconds);
}

if (live) {
  const events = new EventSource("/live");
  events.onmessage = () => later();
  // The login is over, or the page's process has ended; after a cut it tries again by itself.
  const lost = document.getElementById("lost");
  events.onerror = () => { lost.hidden = false; };
  events.onopen = () => { lost.hidden = true; };
  window.addEventListener("pagehide", () => events.close());
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  // Ages of things grow without an event.
  setInterval(() => later(), 30000);
}
