// What a page says where a draft could not be kept.
import { entry } from "./session.js";

/** Say it in a place of the page. Gives in how many milliseconds it is tried again by itself; 0: not at all. */
export function notSaved(place, status, words, out) {
  const [why, what, again] = whyNotSaved(status, words, out);
  const sign = document.createElement("a");
  Object.assign(sign, { href: entry(), target: "_blank", rel: "noopener", textContent: "Sign in in another tab" });
  place?.replaceChildren(`Not saved: ${why} What you typed is still on this page: `, ...(out === "out" ? [sign, " and come back: it is saved then."] : [what]));
  return again;
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
