// Keys for what a page can do: keys({ j: ["Next case", next], "mod+k": ["Commands", open], Escape: close }).
//
// A key is what `event.key` says, "mod+" before it is Cmd or Ctrl. What has a label stands in the help and in the
// palette. Keys of one character are off while somebody types, while a dialog is open, and for whoever has turned them
// off (WCAG 2.1.4). A handler that returns false leaves the key to the browser. A third part says whether it can be done
// now: the palette lists it only then, and the key says why not.

/** The prefix that the inbox stands below; empty at the root of a host. */
export const root = document.body.dataset.root ?? "";

const OFF = "hitl-keys-off";
const bound = [];

/** Bind keys; `group` is the heading they stand under in the help. Gives a function that unbinds them. */
export function keys(map, { group = "This page" } = {}) {
  const added = Object.entries(map).map(([key, given]) => {
    const [label, run, can = () => true] = Array.isArray(given) ? given : ["", given];
    return { key, label, run, can, group };
  });
  bound.push(...added);
  return () => added.forEach((one) => bound.splice(bound.indexOf(one), 1));
}

/** A key that can do nothing says so. */
export function say(text) {
  const said = document.createElement("p");
  said.className = "notice info";
  said.textContent = text;
  document.getElementById("notices").replaceChildren(said);
}

/** What is bound and has a label, the newest of each key: [{ key, label, group, run, can }]. */
export function shortcuts() {
  const seen = new Map();
  for (const one of bound) if (one.label) seen.set(one.key, one);
  return [...seen.values()];
}

/** Whether keys of one character are on. */
export function areOn() {
  return remembered() !== "1";
}

/** Turn keys of one character on or off, for this browser. */
export function turn(on) {
  try {
    if (on) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
  } catch {
    // a browser that keeps nothing: they stay as they are
  }
}

/** How a key is written for people. */
export function written(key) {
  const mac = /Mac|iPhone|iPad/.test(navigator.platform);
  const name = key.replace("mod+", mac ? "⌘ " : "Ctrl ").replace(" ", " ");
  return key === " " ? "Space" : name.replace(/([a-z])$/, (last) => (key.startsWith("mod+") ? last.toUpperCase() : last));
}

function remembered() {
  try {
    return localStorage.getItem(OFF);
  } catch {
    return null;
  }
}

function types(element) {
  if (!(element instanceof Element)) return false;
  if (element.closest("textarea, select, [contenteditable]:not([contenteditable=false])")) return true;
  const input = element.closest("input");
  return input !== null && !["checkbox", "radio", "button", "submit", "reset"].includes(input.type);
}

function isPressed(element) {
  return element instanceof Element && element.closest("a[href], button, summary, input") !== null;
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.altKey) return;
  const mod = event.ctrlKey || event.metaKey;
  const key = (mod ? "mod+" : "") + (mod ? event.key.toLowerCase() : event.key);
  const found = bound.findLast((one) => one.key === key);
  if (!found) return;
  if (!mod) {
    if (types(event.target) || document.querySelector("dialog[open]")) return;
    if (event.key.length === 1 && !areOn()) return;
    if (event.key === "Enter" && isPressed(event.target)) return;
    if (event.key === " " && event.target instanceof Element && event.target.closest("button, summary, input")) return;
  }
  if (event.repeat && !["j", "k"].includes(event.key)) return;
  if (found.run(event) !== false) event.preventDefault();
});
