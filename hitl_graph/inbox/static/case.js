// The page of one case: keys, dialogs, what is typed kept and shown as a diff, evidence that was opened, who is here.
// Everything that is decided is decided by the server; what is here makes it quick and hard to do by mistake.
import { keys } from "./keys.js";
import { entry, renew } from "./session.js";
import { now } from "./times.js";

const SAVE_MS = 500;
const HERE_MS = 20_000;
const ACTIVE_MS = 120_000;
const RENEW_MS = 60_000;

let article = null;
let saving = 0;
let saved = 0;
let typedAt = 0;
let movedAt = Date.now();
let renewedAt = Date.now();
let unsent = false;
let touched = false; // something of the proposal was typed that the server has not looked at yet
let renewedFor = ""; // the session that the last attempt was renewed for

const one = (selector) => article?.querySelector(selector) ?? null;
const all = (selector) => [...(article?.querySelectorAll(selector) ?? [])];
const isOpen = () => one("#case-now [data-status]")?.dataset.status === "pending";

function post(what, fields, more = {}) {
  const body = new URLSearchParams({ thread: article.dataset.thread, digest: article.dataset.digest, ...fields });
  const headers = { "X-CSRF-Token": document.body.dataset.csrf ?? "", "HX-Request": "true" };
  return fetch(`${article.dataset.base}/${what}`, { method: "POST", body, headers, ...more });
}

// --- what is typed ---------------------------------------------------------------------------------------------------

function typed() {
  const fields = new URLSearchParams();
  for (const form of all("form[data-keep]")) {
    for (const [name, text] of new FormData(form)) {
      const ours = ["csrf", "thread", "digest", "key", "shown", "diffed", "confirmed", "decision"].includes(name);
      const proposal = name.startsWith("changes.") || /^act\d+\.(changes\.|words|decision)/.test(name);
      if (!ours && (proposal || text !== "")) fields.set(name, text);
    }
  }
  return fields;
}

// Where the case has changed meanwhile only the page knows what was shown, and so what of it was typed.
function draft() {
  const shown = one("#case-changed") ? { shown: one("#case-shown")?.value ?? "" } : {};
  return { ...Object.fromEntries(typed()), ...shown };
}

async function save() {
  clearTimeout(saving);
  const mine = ++saved;
  const base = article;
  const answer = await post("draft", draft()).catch(() => null);
  const text = await answer?.text().catch(() => "") ?? "";
  if (mine !== saved || base !== article) return;
  const page = new DOMParser().parseFromString(text, "text/html");
  if (answer?.ok) {
    unsent = false;
    touched = false;
    put(page);
    return;
  }
  unsent = true;
  const out = [401, 403].includes(answer?.status) ? await renew().catch(() => "out") : "";
  if (mine !== saved || base !== article) return;
  if (out === "again" && document.body.dataset.csrf !== renewedFor) {
    renewedFor = document.body.dataset.csrf;
    save();
    return;
  }
  notSaved(answer?.status ?? 0, page.querySelector(".notice")?.textContent ?? "", out);
}
function notSaved(status, words, out) {
  const place = one("#case-saved");
  if (!place) return;
  const [why, what, again] = whyNotSaved(status, words, out);
  const sign = document.createElement("a");
  Object.assign(sign, { href: entry(), target: "_blank", rel: "noopener", textContent: "Sign in in another tab" });
  place.replaceChildren(`Not saved: ${why} What you typed is still on this page: `, ...(out === "out" ? [sign, " and come back: it is saved then."] : [what]));
  if (again) saving = setTimeout(save, again);
}
// Why it could not be saved, what to do, and when it is tried again by itself, in milliseconds.
function whyNotSaved(status, words, out) {
  if (!status) return ["there is no connection to the inbox.", "leave it open, it is saved as soon as there is one.", 5_000];
  if (out === "out") return ["you are not signed in any more.", "", 2_000];
  if (out === "other") return ["somebody else is signed in in this browser now.", "copy what you need, and load the page again.", 0];
  if (status === 413) return ["it is too long.", "shorten it, and it is saved.", 0];
  if (status === 404) return ["the case is not there for you any more.", "copy what you need.", 0];
  if (status === 429 || status >= 500) return [words || `the inbox answered ${status}.`, "leave it open, it is tried again in a moment.", 10_000];
  return [words || `the inbox answered ${status}.`, "copy what you need, and load the page again.", 0];
}

function put(page) {
  for (const part of page.querySelectorAll("[data-for]")) {
    const place = one(`#${part.dataset.for}`);
    if (!place) continue;
    const wanted = (root) => root.querySelector("[data-wanted]")?.dataset.wanted;
    if (part.dataset.for === "case-confirm" && wanted(part) === wanted(place)) continue;
    place.replaceChildren(...part.childNodes);
  }
  light();
}

document.addEventListener("input", (event) => {
  movedAt = Date.now();
  if (!article?.contains(event.target)) return;
  if (event.target.id === "confirmed") return light();
  if (!event.target.form?.dataset.keep || !isOpen()) return undefined;
  const said = one("#case-saved");
  if (said) said.textContent = "Saving…";
  if (Date.now() - typedAt > 60_000) setTimeout(here);
  typedAt = Date.now();
  unsent = true;
  touched ||= event.target.form.id === "decision" && /^changes\./.test(event.target.name);
  if (touched) light();
  clearTimeout(saving);
  saving = setTimeout(save, SAVE_MS);
  return undefined;
});

window.addEventListener("beforeunload", (event) => {
  if (!unsent || !isOpen()) return;
  post("draft", draft(), { keepalive: true }).catch(() => {});
  if (Date.now() - typedAt > 5_000) event.preventDefault(); // it could not be saved for a while
});

// --- when a yes lights up --------------------------------------------------------------------------------------------

const required = () => Number(one("#decision, #choice")?.dataset.evidence ?? 0);

function missing() {
  const needed = required();
  const opened = new Set(all("details[data-opened]").map((piece) => piece.dataset.number)).size;
  if (opened < needed) return `Open the evidence first: ${needed - opened} of ${needed} not opened yet.`;
  const wanted = one("[data-wanted]");
  const box = one("#confirmed");
  const plain = (text) => text.normalize("NFC").split(/\s+/).filter(Boolean).join(" ");
  if (wanted && box && plain(box.value) !== plain(wanted.dataset.wanted)) return `Type ${wanted.dataset.wanted} to confirm.`;
  return "";
}

function light() {
  if (!article) return;
  const why = missing();
  const changed = Boolean(one('[name="diffed"]')?.value) || touched;
  for (const button of all("[data-yes]")) {
    if (why) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
    if (button.value === "edit") button.hidden = !changed && Boolean(one('[data-yes][value="approve"]'));
    if (button.value === "approve") button.hidden = changed && Boolean(one('[data-yes][value="edit"]'));
  }
  const grounds = one("[data-grounds]");
  if (grounds) grounds.hidden = !changed && !grounds.querySelector("[aria-invalid]");
  const said = one("#case-why");
  if (said && said.textContent !== why) said.textContent = why;
}

function opened(piece) {
  if (!piece.open || "opened" in piece.dataset || !required()) return;
  piece.dataset.opened = "";
  const counted = one("[data-opened-count]");
  if (counted) counted.textContent = `${all("details[data-opened]").length} of ${required()} opened`;
  light();
  post("opened", { number: piece.dataset.number }).then((answer) => {
    if (!answer.ok) throw new Error(String(answer.status));
  }).catch(() => { delete piece.dataset.opened; piece.open = false; light(); });
}

document.addEventListener("click", (event) => {
  movedAt = Date.now();
  const button = event.target.closest?.("button");
  if (!button || !article?.contains(button)) return;
  if (button.getAttribute("aria-disabled") === "true") {
    event.preventDefault();
    event.stopImmediatePropagation();
    one("#case-why")?.focus();
  } else if ("yes" in button.dataset && touched && button.form.id === "decision") {
    event.preventDefault();
    event.stopImmediatePropagation();
    save(); // what is sent was seen as a diff
    one("#case-why").textContent = "Look at what you change, then send it.";
  } else if (button.dataset.dialog) {
    event.preventDefault();
    openDialog(button.dataset.dialog);
  } else if ("close" in button.dataset) {
    event.preventDefault();
    button.closest("dialog")?.close();
  } else if ("into" in button.dataset) {
    take(button);
  }
}, true);

function take(button) {
  const field = [...(one("#decision")?.elements ?? [])].find((each) => each.name === button.dataset.into);
  if (!field) return;
  field.value = button.dataset.take;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
}

// --- keys ------------------------------------------------------------------------------------------------------------

function openDialog(name) {
  const dialog = one(`#dialog-${CSS.escape(name)}`);
  if (!dialog || dialog.open || !isOpen()) return false;
  dialog.showModal();
  dialog.querySelector("[aria-invalid], input:not([type=hidden]), textarea, select")?.focus();
  return true;
}

function dialogOr(name, otherwise) {
  if (!openDialog(name)) say(isOpen() ? otherwise : "This case waits for nobody any more.");
}
function approve() {
  const yes = all("[data-yes]").find((button) => !button.hidden);
  if (!isOpen() || !yes) return say(one("#answer") ? "Nothing is proposed here to approve: e writes the answer." : "There is nothing to approve here now.");
  const form = yes.form;
  if (yes.value === "approve" && "oneKey" in form.dataset && !missing()) yes.click();
  else if (yes.getAttribute("aria-disabled") === "true") { one("#case-why")?.focus(); }
  else yes.focus();
  return undefined;
}

function press(selector) {
  const button = one(selector);
  if (button && button.offsetParent !== null) button.click();
  else say("You cannot do this here now.");
}

function choose(place) {
  const radio = one(`input[type=radio][data-key="${place}"]`);
  if (!radio || !isOpen()) return;
  radio.checked = true;
  radio.focus();
  radio.dispatchEvent(new Event("input", { bubbles: true }));
}

function go(rel) {
  const link = one(`a[rel~="${rel}"]`);
  if (link) location.assign(link.href);
  else say(`No case comes ${rel === "next" ? "after" : "before"} this one in this view of the queue.`);
}
// A key that can do nothing says so.
function say(text) {
  const said = document.createElement("p");
  said.className = "notice info";
  said.textContent = text;
  document.getElementById("notices").replaceChildren(said);
}

const bindings = {
  a: ["Approve", approve],
  e: ["Edit", () => (one("#answer textarea") ?? one("#decision .field :is(input:not([type=hidden]), textarea, select)"))?.focus()],
  x: ["Reject", () => dialogOr("reject", "This case cannot be rejected.")],
  i: ["Ask for information", () => dialogOr("ask_info", "This case cannot ask for information.")],
  r: ["Give it to another group", () => dialogOr("reroute", "You cannot give this case to others.")],
  s: ["Put it off", () => dialogOr("snooze", "You cannot put this case off.")],
  c: ["Claim it, or let it go", () => press("[data-key=c]")],
  t: ["Take it over", () => dialogOr(one("#case-now [data-dialog=take-claim]") ? "take-claim" : "take_over", "Nobody else is at it, and the agent cannot be taken over from here.")],
  u: ["Undo", () => press("[data-key=u]")],
  j: ["Next case", () => go("next")],
  k: ["Case before", () => go("prev")],
  "/": ["Search the queue", () => { const queue = one('a[data-queue]'); if (queue) location.assign(`${queue.href}#q`); }],
};
for (let place = 1; place <= 9; place += 1) bindings[String(place)] = ["", () => choose(place)];
keys(bindings, { group: "This case" });

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing || !(event.target instanceof Element)) return;
  const mod = event.ctrlKey || event.metaKey;
  const said = event.target.closest("dialog form, #answer");
  if (mod && said) {
    event.preventDefault();
    const send = said.querySelector('button[name="decision"]');
    if (said.id === "answer") send.focus(); // as with any proposal: what goes out is looked at once more
    else send.click();
    return;
  }
  const form = event.target.closest("#decision");
  if (!form) return;
  if (mod) {
    event.preventDefault();
    if (touched) save(); // so that the changes stand there before they are sent
    all("#decision [data-yes]").find((button) => !button.hidden)?.focus();
  } else if (event.target.matches("input:not([type=radio])")) {
    event.preventDefault(); // one line of a form is no decision: it shows what it changes
    if (event.target.id === "confirmed") all("#decision [data-yes]").find((button) => !button.hidden)?.focus();
    else save();
  }
});

// --- who is here, and what happened meanwhile ------------------------------------------------------------------------

function here() {
  if (!article || document.hidden) return;
  const active = Date.now() - movedAt < ACTIVE_MS && Date.now() - renewedAt >= RENEW_MS;
  if (active) renewedAt = Date.now();
  const doing = Date.now() - typedAt < 60_000 ? "editing" : "viewing";
  post("here", { doing, ...(active ? { active: "yes" } : {}) }).catch(() => {});
}

document.addEventListener("visibilitychange", here);

window.addEventListener("pagehide", () => {
  if (!article) return;
  const body = new URLSearchParams({ csrf: document.body.dataset.csrf ?? "", thread: article.dataset.thread, doing: "gone" });
  navigator.sendBeacon(`${article.dataset.base}/here`, body);
});

function look() {
  one("#case-now")?.dispatchEvent(new CustomEvent("look"));
}

function tick() {
  const undo = one("[data-until]");
  if (undo && Date.parse(undo.dataset.until) <= now() && !undo.dataset.over) {
    undo.dataset.over = "yes";
    look();
  }
}

function follow() {
  const status = one("#case-now [data-status]")?.dataset.status;
  if (!status) return;
  if (article.dataset.status !== "pending" && status === "pending") return location.reload();
  const away = article.dataset.status === "pending" && status !== "pending";
  for (const part of all("#decision, #choice, #answer")) part.inert = away;
  if (away) all("dialog[open]").forEach((dialog) => dialog.close());
  return undefined;
}

// --- a new body ------------------------------------------------------------------------------------------------------

function settle() {
  const found = document.getElementById("case");
  if (found === article) return follow();
  const first = article === null;
  article = found;
  if (!article) return undefined;
  saved += 1;
  unsent = false;
  touched = false;
  clearTimeout(saving);
  for (const piece of all("details[data-number]")) {
    if ("openedBefore" in piece.dataset) piece.dataset.opened = "";
    piece.addEventListener("toggle", () => opened(piece));
    opened(piece);
  }
  light();
  article.dataset.ready = "";
  const again = one("dialog[data-again], dialog[open]");
  if (again) { again.removeAttribute("open"); again.showModal(); again.querySelector("[aria-invalid]")?.focus(); }
  else if (!first || article.dataset.problem) {
    (one("#case-problem") ?? one("[aria-invalid]") ?? one("#case-decided") ?? one("h1"))?.focus();
  }
  if (first) asked();
  here();
  return undefined;
}

// The queue's keys lead here: ?do=reject opens what takes more than one step.
function asked() {
  const address = new URL(location.href);
  const what = address.searchParams.get("do");
  if (!what) return;
  address.searchParams.delete("do");
  history.replaceState(null, "", address);
  if (what === "edit") bindings.e[1]();
  else if (what === "approve") (one("#case-why:not(:empty)") ?? all("[data-yes]").find((button) => !button.hidden))?.focus();
  else if (what === "take_over") bindings.t[1]();
  else openDialog(what);
}

document.addEventListener("htmx:after:swap", settle);
document.addEventListener("pointerdown", () => { movedAt = Date.now(); });
document.addEventListener("keydown", () => { movedAt = Date.now(); });
settle();
setInterval(here, HERE_MS);
setInterval(look, 2 * HERE_MS); // who went away says nothing
setInterval(tick, 250);
