// Rows of a list in a form, and the choice between forms: the server draws the form anew; here the focus follows, and what
// changed counts as typed, so that it is kept.
let asked = null;

document.addEventListener("click", (event) => {
  const button = event.target.closest?.('button[name="row"]');
  if (button) asked = { value: button.value, box: button.closest("[data-fields]") };
}, true);

document.addEventListener("change", (event) => {
  const choice = event.target.closest?.("select[data-variant]");
  if (choice) asked = { name: choice.name, box: choice.closest("[data-fields]") };
}, true);

function found(box) {
  if (asked.name) return [...box.querySelectorAll("select[data-variant]")].find((one) => one.name === asked.name);
  const [what, row, ...rest] = asked.value.split(" ");
  const name = rest.join(" ");
  const button = (which, key) => [...box.querySelectorAll('button[name="row"]')].find((one) => one.value === `${which} ${key} ${name}`);
  const add = button("add", "-");
  if (what === "up" || what === "down") return button(what, row) ?? button(what === "up" ? "down" : "up", row) ?? add;
  if (what !== "add") return add;
  const rows = [...(add?.closest("[data-rows]")?.querySelectorAll(":scope > [data-row]") ?? [])];
  return rows.at(-1)?.querySelector("input:not([type=hidden]), select, textarea") ?? add;
}

document.addEventListener("htmx:after:swap", () => {
  const box = asked?.box && document.getElementById(asked.box.id);
  if (!box || box === asked.box) return; // another part of the page was brought up to date meanwhile
  const here = found(box) ?? box.querySelector("input:not([type=hidden]), select, textarea, button");
  asked = null;
  here?.focus();
  here?.dispatchEvent(new Event("input", { bubbles: true }));
});
