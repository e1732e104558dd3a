// The page of one case: keys, dialogs, what is typed kept and shown as a diff, evidence that was opened, who is here.
// Everything that is decided is decided by the server; what is here makes it quick and hard to do by mistake.
import { keys, say } from "./keys.js";
import { renew } from "./session.js";
import { now } from "./times.js";
import { notSaved } from "./unsaved.js";

const [SAVE_MS, HERE_MS, RENEW_MS, ACTIVE_MS] = [500, 20_000, 60_000, 120_000];

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
const standing = () => one("#case-now [data-status]")?.dataset ?? {};
const isOpen = () => standing().status === "pending";
const refuses = (what) => (standing().refuses ?? "").split(" ").includes(what);

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
  const [mine, base, since] = [++saved, article, typedAt];
  const answer = await post("draft", draft()).catch(() => null);
  const text = await answer?.text().catch(() => "") ?? "";
  if (mine !== saved || base !== article) return;
  const page = new DOMParser().parseFromString(text, "text/html");
  if (answer?.ok) {
    if (typedAt !== since) return; // of less than stands there by now: the next answer is of all
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
  const again = notSaved(one("#case-saved"), answer?.status ?? 0, page.querySelector(".notice")?.textContent ?? "", out);
  if (again) saving = setTimeout(save, again);
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

// --- what is lit -----------------------------------------------------------------------------------------------------

// What the desk would refuse now; the page says why in the place that this gives.
function barred(button) {
  if (refuses("decide")) return one("#case-bar [data-bar]") ?? one("#case-standing") ?? one("#case-now");
  if (["approve", "choose"].includes(button.value) && refuses(button.value)) return one("#case-standing") ?? one("#case-now");
  return button.value === "edit" && button.name === "decision" ? one("#case-diff [data-refused]") : null;
}

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
  const why = refuses("decide") ? "" : missing();
  const changed = Boolean(one("[name=diffed][data-edited]")) || touched;
  for (const button of all("[data-decides]")) {
    button.disabled = false; // as it is without scripts; with them it says why
    if ((why && "yes" in button.dataset) || barred(button)) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
  }
  for (const button of all("[data-yes]")) {
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
    explain(button);
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

function explain(button) {
  button.closest("dialog")?.close(); // what is typed in it stays
  (barred(button) ?? one("#case-why"))?.focus();
}

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

// What opens a dialog, where the page offers it now.
const opener = (name) => one(`[data-dialog="${name}"]:not([aria-disabled=true])`);

function dialogOr(name, otherwise) {
  if (!opener(name) || !openDialog(name)) say(isOpen() ? because(otherwise) : "This case waits for nobody any more.");
}

// What cannot be done, with why, where the page knows: the rule, or who is at it.
function because(otherwise) {
  const { why } = standing();
  if (!why) return otherwise;
  const out = opener("take-claim") ? " t takes it from them." : "";
  return `${otherwise.replace(/\.$/, "")}: ${why}.${out}`;
}

const yes = () => all("[data-yes]").find((button) => !button.hidden);

function approve() {
  const button = yes();
  if (isOpen() && !button && refuses("decide")) return say(because("You cannot decide this case."));
  if (!isOpen() || !button) return say(one("#answer") ? "Nothing is proposed here to approve: e writes the answer." : "There is nothing to approve here now.");
  const lit = button.getAttribute("aria-disabled") !== "true";
  if (lit && button.value === "approve" && "oneKey" in button.form.dataset) button.click();
  else if (lit) button.focus();
  else explain(button);
  return undefined;
}

function press(selector, otherwise) {
  const button = one(selector);
  if (button && button.offsetParent !== null) button.click();
  else say(otherwise);
}

function undo() {
  const text = one("#case-now [data-no-way-back]")?.textContent.replace(/\s+/g, " ").trim();
  press("[data-key=u]", text || (isOpen() ? "Nothing is decided here that could be taken back." : "This cannot be taken back."));
}

function takeOver() {
  if (opener("take-claim")) return openDialog("take-claim");
  return dialogOr("take_over", standing().why ? "You cannot take it over." : "Nobody else is at it, and the agent cannot be taken over from here.");
}

function choose(place) {
  const radio = one(`input[type=radio][data-key="${place}"]`);
  if (!radio || !isOpen()) return;
  if (radio.disabled) { say(one(`#${radio.id}-refused`)?.textContent); return; }
  radio.checked = true;
  radio.focus();
  radio.dispatchEvent(new Event("input", { bubbles: true }));
}

function go(rel) {
  const link = one(`a[rel~="${rel}"]`);
  if (link) location.assign(link.href);
  else say(`No case comes ${rel === "next" ? "after" : "before"} this one in this view of the queue.`);
}

const field = () => one("#answer textarea") ?? one("#decision .field :is(input:not([type=hidden]), textarea, select)");
const edit = () => (field() ? field().focus() : say(because("Nothing can be changed here.")));
const bindings = {
  a: ["Approve", approve, () => isOpen() && Boolean(yes()) && !barred(yes())],
  e: ["Edit", edit, () => isOpen() && Boolean(field())],
  x: ["Reject", () => dialogOr("reject", "You cannot reject this case."), () => Boolean(opener("reject"))],
  i: ["Ask for information", () => dialogOr("ask_info", "You cannot ask for information here."), () => Boolean(opener("ask_info"))],
  r: ["Give it to another group", () => dialogOr("reroute", "You cannot give this case to others."), () => Boolean(opener("reroute"))],
  s: ["Put it off", () => dialogOr("snooze", "You cannot put this case off."), () => Boolean(opener("snooze"))],
  c: ["Claim it, or let it go", () => press("[data-key=c]", because("You cannot claim this case.")), () => Boolean(one("[data-key=c]"))],
  t: ["Take it over", takeOver, () => Boolean(opener("take-claim") ?? opener("take_over"))],
  u: ["Undo", undo, () => Boolean(one("[data-key=u]"))],
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
  const ends = one("[data-until]"); // a claim, or the time to undo
  if (ends && Date.parse(ends.dataset.until) <= now() && !ends.dataset.over) {
    ends.dataset.over = "yes";
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
  light();
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
    (one("#case-problem") ?? one("[aria-invalid]") ?? one(".error[tabindex]") ?? one("#case-decided") ?? one("h1"))?.focus();
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
  if (what === "approve") (one("#case-why:not(:empty)") ?? yes())?.focus();
  else bindings[{ edit: "e", reject: "x", ask_info: "i", reroute: "r", snooze: "s", take_over: "t" }[what]]?.[1]();
}

document.addEventListener("htmx:after:swap", settle);
document.addEventListener("pointerdown", () => { movedAt = Date.now(); });
document.addEventListener("keydown", () => { movedAt = Date.now(); });
settle();
setInterval(here, HERE_MS);
setInterval(look, 2 * HERE_MS); // who went away says nothing
setInterval(tick, 250);
