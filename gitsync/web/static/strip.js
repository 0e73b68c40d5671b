// The strip of the timeline: a slider over the bars says at once which moment it is at, and shows it when it rests.

const strip = document.getElementById("strip");
const slot = document.getElementById("slot");
const REST_MS = 180;
let resting = null;
let asked = 0;

document.documentElement.classList.add("scripted");

function say() {
  const labels = document.getElementById("labels").children;
  const at = Number(slot.value);
  const label = at >= labels.length ? "Now" : `Before ${labels[at].textContent}`;
  strip.querySelector("output").textContent = label;
  slot.setAttribute("aria-valuetext", label);
  for (const bar of strip.querySelectorAll("rect")) {
    bar.setAttribute("class", Number(bar.getAttribute("x")) / 10 >= at ? "bar-after" : "bar-of");
  }
}

async function go() {
  const mine = ++asked;
  const address = new URL(location.href);
  for (const gone of ["before", "slot"]) address.searchParams.delete(gone);
  for (const name of ["first", "end"]) address.searchParams.set(name, strip.dataset[name]);
  address.searchParams.set("slot", slot.value);
  document.getElementById("list").setAttribute("aria-busy", "true");
  const page = await load(address);
  if (mine !== asked || !page) return;
  history.replaceState(null, "", address);
  replace(page);
}

async function load(address) {
  const answer = await fetch(address).catch(() => null);
  return answer?.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
}

function replace(page) {
  const fresh = page.getElementById("list");
  if (fresh) document.getElementById("list").replaceWith(fresh);
}

slot?.addEventListener("input", () => {
  say();
  clearTimeout(resting);
  resting = setTimeout(go, REST_MS);
});
