// Signed out while the page is open: what is typed stays, and the page goes on once the same person has signed in again
// in another tab.
import { root } from "./keys.js";

const person = document.body.dataset.who ?? "";

/** Where to sign in, for a tab of its own. */
export function entry() {
  return `${root}/sign-in?to=${encodeURIComponent(location.pathname.slice(root.length) + location.search)}`;
}

/** "again" once this person is signed in again (the page's forms are then of the new session), "other" for somebody else. */
export async function renew() {
  const answer = await fetch(location.href, { redirect: "manual", headers: { accept: "text/html" } });
  if (answer.type === "opaqueredirect") return "out";
  const body = new DOMParser().parseFromString(await answer.text(), "text/html").body;
  if (!body.dataset.csrf) return "out";
  if (body.dataset.who !== person) return "other";
  document.body.dataset.csrf = body.dataset.csrf;
  document.querySelectorAll('input[name="csrf"]').forEach((field) => { field.value = body.dataset.csrf; });
  return "again";
}

// An answer of htmx said it: the notice goes when it is true no more.
async function look() {
  const notice = document.getElementById("signed-out");
  if (!notice || document.hidden) return;
  const now = await renew().catch(() => "out");
  if (now === "again") notice.parentElement.replaceChildren(said("ok", "You are signed in again. What you typed is still here: send it now."));
  if (now === "other") notice.parentElement.replaceChildren(said("error", "Somebody else is signed in now. Copy what you typed, and load the page again."));
}

function said(kind, text) {
  const notice = document.createElement("p");
  notice.className = `notice ${kind}`;
  notice.textContent = text;
  return notice;
}

// Signed out and in again elsewhere: the forms of this page were of the session before.
document.addEventListener("htmx:after:request", async (event) => {
  if (event.detail.ctx.response?.raw?.status !== 403) return;
  const mark = document.body.dataset.csrf;
  if (await renew().catch(() => "out") !== "again" || document.body.dataset.csrf === mark) return;
  document.getElementById("notices").replaceChildren(said("ok", "You had signed in anew since this page was opened. What you typed is still here: send it again."));
});
addEventListener("focus", look);
document.addEventListener("visibilitychange", look);
setInterval(look, 2_000);
