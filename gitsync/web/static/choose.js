// A list to choose from: one box for all of it, and a range with Shift.

const all = document.getElementById("all");
const boxes = [...document.querySelectorAll("input[name=chosen]")];
let last = null;

function count() {
  const chosen = boxes.filter((box) => box.checked).length;
  if (all) {
    all.checked = chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
  }
}

all?.addEventListener("change", () => {
  for (const box of boxes) box.checked = all.checked;
});

for (const [at, box] of boxes.entries()) {
  box.addEventListener("click", (event) => {
    if (event.shiftKey && last !== null) {
      for (const each of boxes.slice(Math.min(at, last), Math.max(at, last) + 1)) each.checked = box.checked;
    }
    last = at;
    count();
  });
}
