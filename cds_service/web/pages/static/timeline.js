// What is told of a mark, in a line below the picture; the arrow keys lead from mark to mark. All of it is in the table
// too, and without this script each mark is a link of its own.

const told = document.getElementById("told");

function tell(event) {
  const words = event.target.closest?.(".timeline a")?.querySelector("title")?.textContent;
  if (words) told.textContent = words;
}

for (const drawing of document.querySelectorAll(".timeline")) {
  const marks = [...drawing.querySelectorAll("a")];
  for (const mark of marks.slice(1)) mark.setAttribute("tabindex", "-1");
  drawing.addEventListener("pointerover", tell);
  drawing.addEventListener("focusin", tell);
  drawing.addEventListener("keydown", (event) => {
    const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
    const next = step && marks[marks.indexOf(document.activeElement) + step];
    if (!next) return;
    event.preventDefault();
    document.activeElement.setAttribute("tabindex", "-1");
    next.removeAttribute("tabindex");
    next.focus();
  });
}
