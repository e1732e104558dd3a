// The queue: one row is selected and keeps so while others come and go, keys act on it, what happens is shown at once,
// and filters stand in the address.
import { keys, root, say } from "./keys.js";
import { entry } from "./session.js";
import { now } from "./times.js";

const queue = document.getElementById("queue");
const filters = document.getElementById("filters");
const search = document.getElementById("q");
const bulk = document.getElementById("bulk");
const heard = document.getElementById("heard");
const notices = document.getElementById("notices");
const MOST_TICKED = 20;
const BURST = 4; // so many loads at once, and then one in each
const REFILL_MS = 500;

// ---- the selected row

let selected = "";
let place = 0;

function rows() {
  return [...document.querySelectorAll("#rows > li")];
}

function current() {
  return selected ? document.getElementById(selected) : null;
}

function select(row, { focus = false } = {}) {
  current()?.removeAttribute("aria-current");
  selected = row?.id ?? "";
  if (!row) return;
  place = rows().indexOf(row);
  row.setAttribute("aria-current", "true");
  if (focus) {
    row.querySelector("a.title").focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }
}

function move(step) {
  const all = rows();
  if (!all.length) return;
  const from = current() ? all.indexOf(current()) : step > 0 ? -1 : all.length;
  const to = from + step;
  if (to >= all.length) document.querySelector(".pager [rel=next]")?.focus();
  else if (to >= 0) select(all[to], { focus: true });
}

queue.addEventListener("focusin", (event) => {
  const row = event.target.closest("#rows > li");
  if (row && row.id !== selected) select(row);
});

// ---- what happens is shown at once

let tokens = BURST;
let filled = performance.now();
let loading = false;
let again = false;
let retry = 0;
let warned = false; // a notice of ours says that the page may be old
let lost = false; // what had the focus is about to go

function allowance() {
  const now = performance.now();
  const gained = Math.floor((now - filled) / REFILL_MS);
  tokens = Math.min(BURST, tokens + gained);
  filled += gained * REFILL_MS;
  if (tokens > 0) {
    tokens -= 1;
    return 0;
  }
  return filled + REFILL_MS - now;
}

async function refresh() {
  if (loading) {
    again = true;
    return;
  }
  loading = true;
  try {
    do {
      again = false;
      const wait = allowance();
      if (wait) await new Promise((done) => setTimeout(done, wait));
      await load();
    } while (again);
  } finally {
    loading = false;
  }
}

async function load() {
  const address = location.pathname + location.search;
  clearTimeout(retry);
  let answer, text;
  try {
    answer = await fetch(address, { headers: { "HX-Request": "true", "HX-Target": "div#queue" } });
    text = await answer.text();
  } catch {
    return; // the stream says that it is offline, and asks again when it is back
  }
  if (answer.status === 401) location.assign(entry());
  else if (!answer.ok) {
    notices.innerHTML = text; // a notice of ours, escaped where it was made
    warned = true;
    retry = setTimeout(refresh, 2000);
  } else if (address !== location.pathname + location.search) again = true; // filtered meanwhile
  else await show(text);
}

async function show(text) {
  const before = rows().map((row) => row.id);
  const inside = document.activeElement?.closest("#rows > li") !== null && document.activeElement !== document.body;
  await htmx.swap({ sourceElement: queue, target: queue, swap: "innerMorph", text });
  if (warned) notices.replaceChildren();
  warned = false;
  const all = rows();
  const after = new Set(all.map((row) => row.id));
  if (selected && !after.has(selected) && all.length) {
    const next = all[Math.min(place, all.length - 1)];
    select(next, { focus: inside });
  } else if (current()) {
    current().setAttribute("aria-current", "true");
    place = all.indexOf(current());
  } else selected = "";
  ticked();
  if (lost) findFocus();
  tell(before, after);
}

function findFocus() {
  const there = document.activeElement;
  if (there && there !== document.body && !there.closest("[hidden]")) return;
  lost = false;
  const row = current() ?? rows()[0];
  if (row) select(row, { focus: true });
  else document.getElementById("main").focus();
}

function tell(before, after) {
  const left = before.filter((id) => !after.has(id)).length;
  const came = [...after].filter((id) => !before.includes(id)).length;
  const said = [came ? `${came} new` : "", left ? `${left} gone` : ""].filter(Boolean).join(", ");
  if (said) heard.textContent = `Cases: ${said}`;
}

const live = document.getElementById("live");
live.addEventListener("changed", refresh);
live.addEventListener("connected", refresh);
// A claim ends by itself, and nothing tells of it.
const lapsed = (row) => Date.parse(row.dataset.lapses) <= now();
setInterval(() => { if (!document.hidden && rows().some(lapsed)) refresh(); }, 1_000);

// ---- filters stand in the address

let typing = 0;

function filter(how) {
  clearTimeout(typing);
  const query = new URLSearchParams([...new FormData(filters)].filter(([, value]) => value.trim()));
  if (query.get("sort") === "oldest") query.delete("sort");
  const address = query.size ? `${root}/?${query}` : `${root}/`;
  if (address !== location.pathname + location.search) history[how](null, "", address);
  refresh();
}

filters.addEventListener("submit", (event) => {
  event.preventDefault();
  filter("pushState");
  rows()[0] && select(rows()[0], { focus: true });
});
filters.addEventListener("change", (event) => { if (event.target !== search) filter("pushState"); });
search.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => filter("replaceState"), 250);
});
search.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (current() ?? rows()[0]) select(current() ?? rows()[0], { focus: true });
  else search.blur();
});
addEventListener("popstate", () => location.reload());

// ---- ticked rows are approved together

function boxes() {
  return [...document.querySelectorAll("#rows .tick input")];
}

function ticked() {
  const on = boxes().filter((box) => box.checked);
  const kind = on[0]?.closest("li").dataset.bulk;
  for (const box of boxes()) {
    const other = kind !== undefined && box.closest("li").dataset.bulk !== kind;
    box.disabled = !box.checked && (other || on.length >= MOST_TICKED);
  }
  bulk.hidden = on.length === 0;
  document.getElementById("bulk-count").textContent =
    `${on.length} ticked${on.length >= MOST_TICKED ? ", which is the most at once" : ""}`;
  document.getElementById("bulk-approve").textContent = on.length === 1 ? "Approve it" : `Approve these ${on.length}`;
}

function untick() {
  boxes().forEach((box) => { box.checked = false; });
  ticked();
}

queue.addEventListener("change", (event) => { if (event.target.closest(".tick")) ticked(); });
document.getElementById("bulk-clear").addEventListener("click", untick);
document.getElementById("said").addEventListener("click", () => { lost = true; });
bulk.addEventListener("htmx:after:request", () => {
  lost = true;
  bulk.elements.namedItem("key").value = crypto.randomUUID();
  untick();
  refresh();
});

// ---- keys

function act(what, row = current()) {
  if (!row) return;
  const { id, thread, digest } = row.dataset;
  post(`${root}/queue/act`, { act: what, id, thread, digest, key: crypto.randomUUID() });
}

async function post(address, values) {
  await htmx.ajax("POST", address, { source: queue, target: "#said", swap: "innerHTML", values });
  refresh();
}

function open(panel = "") {
  const link = current()?.querySelector("a.title");
  if (link) location.assign(panel ? `${link.getAttribute("href")}&do=${panel}` : link.href);
}

// What the desk would take now of what a key begins with the selected row: the server has said so, and asks again.
function takes(what) {
  return (current()?.dataset.takes ?? "").split(" ").includes(what);
}

function why(row) {
  if (!row) return "Choose a case first: j and k move.";
  if (row.dataset.status !== "pending") return "This case waits for nobody any more.";
  return `You cannot do this with this case${row.dataset.whyNot ? `: ${row.dataset.whyNot}` : ""}.`;
}

const last = () => document.querySelector("#said form[data-undo] button");
const takesBack = () => "undo" in (current()?.dataset ?? {}) || Boolean(last());

function undo() {
  const row = current();
  if (row && "undo" in row.dataset) return act("undo", row);
  if (last()) return last().click();
  const told = row?.querySelector("[data-told]")?.textContent.trim();
  return say(told ? `Too late to take it back: ${told}. Enter opens the case, and says what can be done instead.` : "Nothing was decided here that could be taken back.");
}

function tick() {
  const box = current()?.querySelector(".tick input");
  if (!box || box.disabled) return;
  box.checked = !box.checked;
  ticked();
}

// What takes a step more opens its case at it.
const panel = (name, ...needs) => [
  () => (needs.some(takes) ? open(name) : say(why(current()))),
  () => needs.some(takes),
];
const quick = () => "quick" in (current()?.dataset ?? {});
const [openYes, canYes] = panel("approve", "decide");
const tickable = () => { const box = current()?.querySelector(".tick input"); return Boolean(box) && !box.disabled; };

keys({
  j: ["Next case", () => move(1)],
  k: ["Case before", () => move(-1)],
  Enter: ["Open the case", () => (current() ? open() : false), () => Boolean(current())],
  a: ["Approve, or open what takes more than one step", () => (quick() ? act("approve") : openYes()), () => quick() || canYes()],
  e: ["Edit", ...panel("edit", "decide")],
  x: ["Reject", ...panel("reject", "decide")],
  i: ["Ask for information", ...panel("ask_info", "decide")],
  r: ["Reroute", ...panel("reroute", "reroute")],
  s: ["Snooze", ...panel("snooze", "snooze")],
  c: ["Claim, or give it back", () => (takes("claim") ? act("claimed" in current().dataset ? "release" : "claim") : say(why(current()))), () => takes("claim")],
  t: ["Take over", ...panel("take_over", "decide", "take_over_claim")],
  u: ["Undo", undo, takesBack],
  " ": ["Tick, to approve several together", () => (current() ? tick() : false), tickable],
  "/": ["Search", () => { search.focus(); search.select(); }],
}, { group: "Queue" });

ticked();
if (location.hash === "#q") { search.focus(); search.select(); }
