// Cmd/Ctrl-K: every command with its key, every page, one's saved filters, and cases by their words or their id.
// ?: the keys of this page.
import { areOn, keys, root, shortcuts, turn, written } from "./keys.js";

const palette = document.getElementById("palette");
const text = document.getElementById("palette-text");
const options = document.getElementById("palette-options");
const said = document.getElementById("palette-said");
const help = document.getElementById("help");
const WAIT_MS = 120;

let found = []; // what is listed: { label, about, key, run }
let remote = [];
let chosen = 0;
let asked = 0;
let timer = 0;

function commands() {
  const here = shortcuts().filter((one) => one.key !== "mod+k" && one.can())
    .map((one) => ({ label: one.label, about: one.group, key: one.key, run: () => one.run() }));
  const pages = [...document.querySelectorAll("header nav a[href]")]
    .map((link) => ({ label: `Go to ${link.textContent.trim()}`, about: "Page", run: () => location.assign(link.href) }));
  return [...here, ...pages];
}

function matches(label, words) {
  const plain = label.toLowerCase();
  return words.every((word) => plain.includes(word));
}

function list() {
  const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
  found = [...commands().filter((one) => matches(one.label, words)), ...remote];
  chosen = Math.min(chosen, Math.max(0, found.length - 1));
  options.replaceChildren(...found.map(option));
  said.textContent = found.length ? `${found.length} found` : "Nothing is found.";
  mark();
}

function option(one, place) {
  const item = document.createElement("li");
  item.id = `palette-option-${place}`;
  item.setAttribute("role", "option");
  const label = document.createElement("span");
  label.textContent = one.label;
  const about = document.createElement("span");
  about.className = "meta";
  about.textContent = one.about;
  item.append(label, about);
  if (one.key) {
    const key = document.createElement("kbd");
    key.textContent = written(one.key);
    item.append(key);
  }
  item.addEventListener("click", () => take(place));
  item.addEventListener("mousemove", () => { if (chosen !== place) { chosen = place; mark(); } });
  return item;
}

function mark() {
  [...options.children].forEach((item, place) => item.setAttribute("aria-selected", String(place === chosen)));
  const item = options.children[chosen];
  if (item) text.setAttribute("aria-activedescendant", item.id);
  else text.removeAttribute("aria-activedescendant");
  item?.scrollIntoView({ block: "nearest" });
}

function take(place) {
  const one = found[place];
  if (!one) return;
  palette.close();
  one.run();
}

async function ask() {
  const mine = ++asked;
  try {
    const answer = await fetch(`${root}/palette?${new URLSearchParams({ q: text.value })}`, { headers: { accept: "application/json" } });
    if (!answer.ok || mine !== asked) return;
    const { filters, cases } = await answer.json();
    if (mine !== asked || !palette.open) return;
    remote = [
      ...filters.map((one) => ({ label: one.text, about: "Saved filter", run: () => location.assign(root + one.address) })),
      ...cases.map((one) => ({ label: one.text, about: one.about, run: () => location.assign(root + one.address) })),
    ];
    list();
  } catch {
    // offline: commands and pages are still there
  }
}

function open() {
  if (palette.open) return;
  text.value = "";
  remote = [];
  chosen = 0;
  palette.showModal();
  list();
  ask();
}

text.addEventListener("input", () => {
  chosen = 0;
  list();
  clearTimeout(timer);
  timer = setTimeout(ask, WAIT_MS);
});

palette.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && found.length) {
    chosen = (chosen + step + found.length) % found.length;
    mark();
  } else if (event.key === "Enter" && !event.isComposing) {
    take(chosen);
  } else {
    return;
  }
  event.preventDefault();
});

palette.addEventListener("click", (event) => { if (event.target === palette) palette.close(); });

function showHelp() {
  const groups = Map.groupBy?.(shortcuts(), (one) => one.group) ?? new Map([["Keys", shortcuts()]]);
  const lists = [...groups].flatMap(([name, some]) => {
    const heading = document.createElement("h3");
    heading.textContent = name;
    const pairs = document.createElement("dl");
    pairs.className = "keys";
    for (const one of some) {
      const key = document.createElement("dt");
      const kbd = document.createElement("kbd");
      kbd.textContent = written(one.key);
      key.append(kbd);
      const what = document.createElement("dd");
      what.textContent = one.label;
      pairs.append(key, what);
    }
    return [heading, pairs];
  });
  document.getElementById("help-keys").replaceChildren(...lists);
  document.getElementById("help-on").checked = areOn();
  help.showModal();
}

document.getElementById("help-on").addEventListener("change", (event) => turn(event.target.checked));

keys({
  "mod+k": ["Commands, pages and cases", open],
  "?": ["These keys", showHelp],
}, { group: "Everywhere" });
