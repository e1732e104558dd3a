// What all pages do: forms of ours carry the session's mark, and a broken connection is said.
document.addEventListener("htmx:config:request", (event) => {
  const request = event.detail.ctx.request;
  request.headers["X-CSRF-Token"] = document.body.dataset.csrf ?? "";
});

// What the reader has opened stays open when the page is brought up to date.
htmx.config.morphIgnore = [...htmx.config.morphIgnore, "open"];

const live = document.getElementById("live");
const offline = document.getElementById("offline");
const PATIENCE_MS = 700; // a stream that is back at once was never away
let missed = 0;

function broke() {
  if (!missed && !document.hidden) missed = setTimeout(() => { offline.hidden = false; }, PATIENCE_MS);
}

function back() {
  clearTimeout(missed);
  missed = 0;
  offline.hidden = true;
}

if (live && offline) {
  live.addEventListener("htmx:sse:error", broke);
  live.addEventListener("htmx:sse:close", broke);
  live.addEventListener("htmx:sse:before:connection", (event) => { if (event.detail.connection.attempt > 0) broke(); });
  live.addEventListener("connected", back);
  addEventListener("offline", broke);
}

// Scripts of the page have joined, and forms answer to htmx.
addEventListener("DOMContentLoaded", () => { document.documentElement.dataset.ready = ""; });
