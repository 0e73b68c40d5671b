// On every page: a visible answer at once when a form is sent, and one open menu at a time.

document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (button) {
    button.setAttribute("aria-busy", "true");
    // After the form was read: a disabled button is not part of it.
    setTimeout(() => { button.disabled = true; });
  }
});

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// A page that comes back from the browser's memory has no button that waits for ever.
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const button of document.querySelectorAll("[aria-busy]")) {
    button.disabled = false;
    button.removeAttribute("aria-busy");
  }
});
