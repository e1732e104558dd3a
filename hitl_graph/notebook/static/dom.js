// The review card. All that comes from the kernel is shown as text: nothing is ever read as HTML, nothing is loaded.

const HIDDEN = /(⟨U\+[0-9A-F]{4,6}⟩)/;
const VERBS = {
  approve: "Approve",
  edit: "Edit",
  reject: "Reject",
  choose: "Choose",
  respond: "Answer in words",
  ask_info: "Ask for information",
  take_over: "Take over",
};
const KEYS = { approve: "a", edit: "e", reject: "x", ask_info: "i", respond: "w", take_over: "t" };
const REASONS = ["tone", "wrong facts", "incomplete", "wrong recipient", "policy", "not needed"];
const CAUSES = { model: "The model", instructions: "Its instructions", source_data: "The source data" };
const RECURRENCES = { edge: "A rare case", recurring: "It comes again and again" };
const MOST_CHARACTERS = 8000; // of one text that are drawn at once
const MOST_CASES = 20; // that are drawn at once
const QUIET_MS = 250; // between a key stroke and its preview
const PATIENCE_MS = 6000; // after which a silent kernel is spoken of

let cards = 0;

/** An element. `attrs` that are functions listen; `data` becomes data attributes; children are nodes or plain text. */
function h(tag, attrs = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attrs)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(name, value);
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

/** Text from outside: the marks of hidden characters stand out. */
function said(text) {
  const mark = (part) => h("mark", { class: "hitl-hidden", title: "A character that is hidden or acts" }, part);
  return String(text).split(HIDDEN).map((part) => (HIDDEN.test(part) ? mark(part) : part));
}

/** A text that may be very long: its beginning, and the rest where it is asked for. A page of a megabyte stands still. */
function saidLong(text) {
  if (text.length <= MOST_CHARACTERS) return said(text);
  const rest = h("div", { class: "hitl-text" });
  const more = h("details", {}, h("summary", {}, `${text.length - MOST_CHARACTERS} more characters`), rest);
  more.addEventListener("toggle", () => rest.replaceChildren(...(more.open ? said(text.slice(MOST_CHARACTERS)) : [])));
  return [...said(text.slice(0, MOST_CHARACTERS)), more];
}

function diff(pieces) {
  const tags = { "-": "del", "+": "ins", "=": "span" };
  return pieces.map(([kind, text]) => h(tags[kind], {}, saidLong(text)));
}

function words(name) {
  return name.replaceAll("_", " ");
}

function span(seconds) {
  const minutes = Math.floor(Math.abs(seconds) / 60);
  if (minutes < 1) return "less than a minute";
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

function isDark() {
  const body = document.body;
  if (body.dataset.jpThemeLight) return body.dataset.jpThemeLight === "false"; // JupyterLab
  if (body.dataset.vscodeThemeKind) return body.dataset.vscodeThemeKind.includes("dark");
  const themed = [body, document.documentElement];
  if (themed.some((node) => node.classList.contains("dark") || node.dataset.theme === "dark")) return true; // marimo
  if (themed.some((node) => node.classList.contains("light") || node.dataset.theme === "light")) return false;
  return matchMedia("(prefers-color-scheme: dark)").matches;
}
