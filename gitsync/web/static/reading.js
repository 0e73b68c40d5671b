// A history that is still being read: asked how far it is until it is there.

const note = document.getElementById("reading");
const AGAIN_MS = 700;

async function ask() {
  const answer = await fetch(note.dataset.ready).catch(() => null);
  const told = answer?.ok ? await answer.json() : {};
  if (told.ready) return location.reload();
  if (told.said) note.querySelector(".said").textContent = told.said;
  if (told.share !== undefined && told.share !== null) note.querySelector("progress").value = told.share;
  setTimeout(ask, AGAIN_MS);
}

if (note) setTimeout(ask, AGAIN_MS / 2);
