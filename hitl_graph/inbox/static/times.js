// Times as the reader has them: <time datetime> in their zone, <time data-age> as an age, <time data-due> as what is
// left until then. The server's clock counts (body data-now); the text that the server wrote stays where there is none.

// The server wrote its time just before the first byte of the page came.
const came = performance.timeOrigin + (performance.getEntriesByType("navigation")[0]?.responseStart ?? 0);
const server = Date.parse(document.body.dataset.now ?? "");
const offset = Number.isNaN(server) ? 0 : server - came;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const zone = { dateStyle: "medium", timeStyle: "short" };
const local = new Intl.DateTimeFormat(undefined, zone);
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

/** Now, by the server's clock, in milliseconds. */
export function now() {
  return Date.now() + offset;
}

/** A length of time as the server writes it: 40 s, 3 min, 2 h 5 min, 4 d 3 h. */
export function span(seconds) {
  let rest = Math.floor(Math.abs(seconds));
  const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]].map(([size, unit]) => {
    const number = Math.floor(rest / size);
    rest -= number * size;
    return [number, unit];
  });
  const first = units.findIndex(([number]) => number);
  if (first < 0) return "0 s";
  return units.slice(first, first + (first < 2 ? 2 : 1)).filter(([number]) => number)
    .map(([number, unit]) => `${number} ${unit}`).join(" ");
}

function text(element) {
  const at = Date.parse(element.dateTime);
  if (Number.isNaN(at)) return null;
  const seconds = (at - now()) / 1000;
  if ("age" in element.dataset) return span(Math.max(0, -seconds));
  if ("countdown" in element.dataset) return `${Math.max(0, Math.round(seconds))} s`;
  if ("due" in element.dataset) return seconds >= 0 ? `${span(seconds)} left` : `${span(seconds)} over`;
  return local.format(at);
}

function write(element) {
  const said = text(element);
  if (said === null) return;
  if (element.textContent !== said) element.textContent = said;
  const exactly = whole.format(Date.parse(element.dateTime));
  if (element.title !== exactly) element.title = exactly;
  if ("due" in element.dataset) element.toggleAttribute("data-late", Date.parse(element.dateTime) < now());
}

function all(root) {
  if (root instanceof HTMLTimeElement) write(root);
  if (root instanceof Element) root.querySelectorAll("time[datetime]").forEach(write);
}

// Whoever swaps what: before the browser paints it, it is the reader's time.
new MutationObserver((changes) => {
  for (const change of changes) {
    if (change.type === "attributes") all(change.target);
    else if (change.target instanceof HTMLTimeElement) write(change.target);
    else change.addedNodes.forEach(all);
    if (change.type === "characterData" && change.target.parentElement instanceof HTMLTimeElement) {
      write(change.target.parentElement);
    }
  }
}).observe(document.body, {
  subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ["datetime"],
});

let ticks = 0;
function tick() {
  ticks += 1;
  const slow = calm.matches ? 10 : 1; // seconds that jump are motion too
  if (!document.hidden) {
    document.querySelectorAll("time[data-countdown]").forEach(write);
    if (ticks % slow === 0) document.querySelectorAll("time[data-due], time[data-age]").forEach(write);
  }
}

all(document.body);
setInterval(tick, 1000);
document.addEventListener("visibilitychange", () => document.hidden || all(document.body));
