// Keys that work wherever the focus is.

/** `/` or any letter to type; Alt and arrows through the film; Alt and a digit to another branch; Escape back to now. */
export function installKeys(branches, composer) {
  window.addEventListener("keydown", (event) => {
    const branch = branches.active;
    if (!branch || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    if (event.key === "/" && !isField(event.target)) {
      event.preventDefault();
      composer.focus();
    } else if (isTyped(event) && !isField(event.target))
      composer.focus(); // the letter itself then lands in the field
    else if (event.key === "Escape" && branch.looking !== null) branch.backToNow();
    else if (event.altKey && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
      event.preventDefault(); // the browser would go back a page
      lookBeside(branch, event.key === "ArrowLeft" ? -1 : 1);
    } else if (event.altKey && /^Digit[1-9]$/.test(event.code)) {
      event.preventDefault();
      branches.activateAt(Number(event.code.slice(5)) - 1);
    }
  });
}

function lookBeside(branch, way) {
  const place = branch.path.findIndex(({ step }) => step === branch.shown.step) + way;
  const next = branch.path[place];
  if (next) branch.look(next.step);
}

const isField = (target) => target.matches("input, textarea, select");

/** A letter meant for the field: not a shortcut, not the space that presses a button. */
const isTyped = ({ key, altKey, ctrlKey, metaKey }) =>
  key.length === 1 && key !== " " && !altKey && !ctrlKey && !metaKey;
