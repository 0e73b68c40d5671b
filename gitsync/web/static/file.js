// The page of a file: arrows step through its versions, and two pictures can be laid over each other.

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (event.target.closest("input, select, textarea, [contenteditable]")) return;
  const rel = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  const link = rel && document.querySelector(`a[rel=${rel}]`);
  if (!link) return;
  event.preventDefault();
  link.click();
});

// On a narrow screen the list is in the way of the content.
const versions = document.querySelector(".list-of-versions");
if (versions && matchMedia("(max-width: 60rem)").matches) versions.open = false;
document.querySelector(".versions [aria-current]")?.scrollIntoView({ block: "nearest" });

const overlay = document.getElementById("overlay");
if (overlay) {
  const pictures = document.getElementById("pictures");
  overlay.parentElement.hidden = false;
  overlay.addEventListener("input", () => {
    const share = Number(overlay.value);
    pictures.classList.toggle("overlaid", share > 0);
    pictures.lastElementChild.querySelector("img").style.opacity = share > 0 ? share / 100 : "";
  });
}
