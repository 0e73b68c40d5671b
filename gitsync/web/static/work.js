// A page of something that takes long: says how far it is, and shows what came of it as soon as that is there.

const work = document.getElementById("work");
const EVERY_MS = 400;

async function look() {
  const answer = await fetch(work.dataset.state).catch(() => null);
  const state = answer?.ok ? await answer.json() : null;
  if (!state || state.done) return location.reload();
  document.getElementById("said").textContent = state.said;
  setTimeout(look, EVERY_MS);
}

setTimeout(look, EVERY_MS);
