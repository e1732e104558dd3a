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

function diff(pieces) {
  const tags = { "-": "del", "+": "ins", "=": "span" };
  return pieces.map(([kind, text]) => h(tags[kind], {}, said(text)));
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

class Card {
  constructor(model, el) {
    this.model = model;
    this.prefix = `hitl-${(cards += 1)}`;
    this.local = new Map(); // what is typed and which panel is open, by case
    this.previews = new Map(); // the last diff of each case
    this.number = 0;
    this.timers = new Set();
    this.status = h("p", { class: "hitl-status", role: "status", "aria-live": "polite" });
    this.body = h("div", { class: "hitl-body" });
    // Shortcuts of the notebook would act on its cells while a key is meant for the card.
    this.root = h(
      "div",
      { class: "hitl-card", tabindex: "-1", "data-lm-suppress-shortcuts": "true", keydown: (e) => this.pressed(e) },
      this.body,
      this.status,
    );
    el.append(this.root);
    for (const [review, draft] of Object.entries(model.get("drafts") || {})) this.local.set(review, { ...draft });
    this.onView = () => this.viewed();
    this.onMessage = (message) => this.heard(message);
    model.on("change:view", this.onView);
    model.on("msg:custom", this.onMessage);
    this.onTheme = () => (this.root.dataset.theme = isDark() ? "dark" : "light");
    this.themes = new MutationObserver(this.onTheme);
    for (const node of [document.body, document.documentElement]) this.themes.observe(node, { attributes: true });
    this.media = matchMedia("(prefers-color-scheme: dark)");
    this.media.addEventListener("change", this.onTheme);
    this.onTheme();
    this.draw();
    this.send({ type: "look" }); // it may have been decided elsewhere since
  }

  close() {
    this.model.off("change:view", this.onView);
    this.model.off("msg:custom", this.onMessage);
    this.themes.disconnect();
    this.media.removeEventListener("change", this.onTheme);
    for (const timer of this.timers) clearTimeout(timer);
  }

  send(message) {
    this.model.send(message);
  }

  later(name, wait, work) {
    clearTimeout(this[name]);
    this.timers.delete(this[name]);
    this[name] = setTimeout(work, wait);
    this.timers.add(this[name]);
  }

  of(review) {
    if (!this.local.has(review)) this.local.set(review, { panel: "", texts: {}, tool: "", grounds: {}, more: {} });
    const local = this.local.get(review);
    for (const name of ["texts", "grounds", "more"]) local[name] ||= {};
    return local;
  }

  // From the kernel.

  viewed() {
    const view = this.model.get("view");
    clearTimeout(this.patience);
    this.draw();
    if (view.phase === "ready" && view.decisions !== this.model.get("seen")) {
      this.model.set("seen", view.decisions);
      this.model.save_changes();
    }
  }

  heard(message) {
    if (!message || message.type !== "preview" || message.number !== this.number) return;
    this.previews.set(message.review, message);
    const section = this.sectionOf(message.review);
    if (section) this.showPreview(section, message);
  }

  sectionOf(review) {
    return [...this.body.querySelectorAll("section")].find((one) => one.dataset.review === review);
  }

  // What the person does.

  touched(review) {
    this.later("saving", QUIET_MS * 2, () => this.send({ type: "draft", review, draft: this.of(review) }));
  }

  typed(item) {
    const local = this.of(item.id);
    this.touched(item.id);
    this.later("preview", QUIET_MS, () => {
      this.number += 1;
      const texts = local.texts[local.tool || ""] || {};
      this.send({ type: "preview", review: item.id, number: this.number, texts, tool: local.tool || "" });
    });
  }

  open(item, panel) {
    this.of(item.id).panel = panel;
    this.problem = null;
    this.touched(item.id);
    this.draw();
    const section = this.sectionOf(item.id);
    const first = section && section.querySelector(panel ? "[data-first]" : `[data-verb]`);
    if (first) first.focus();
    if (panel === "edit") this.typed(item);
  }

  decide(item, decision, extra = {}) {
    const view = this.model.get("view");
    if (this.busy || view.phase !== "ready") return; // a second click
    this.busy = true;
    this.problem = null;
    this.mute(true);
    this.status.textContent = "Deciding…";
    const local = this.of(item.id);
    const texts = local.texts[local.tool || ""] || {};
    const body = { ...local.grounds, ...decision };
    const edits = decision.type === "edit" ? { texts, tool: local.tool || "" } : {};
    const confirmed = local.more.confirmed || "";
    this.send({ type: "decide", review: item.id, digest: item.digest, decision: body, confirmed, ...edits, ...extra });
    this.wait();
  }

  wait() {
    this.later("patience", PATIENCE_MS, () => {
      this.busy = false;
      this.mute(false);
      this.status.textContent =
        "No answer from the kernel yet. If it is busy, wait; if it was restarted, run the cell again.";
    });
  }

  mute(quiet) {
    for (const node of this.body.querySelectorAll("button, input, textarea, select")) node.disabled = quiet;
    this.root.setAttribute("aria-busy", quiet ? "true" : "false");
  }

  submit(item) {
    const local = this.of(item.id);
    const { panel, more } = local;
    if (panel === "edit") this.decide(item, { type: "edit" });
    else if (panel === "approve") this.decide(item, { type: "approve" });
    else if (panel === "reject" || panel === "take_over") this.decide(item, { type: panel });
    else if (panel === "respond") this.decide(item, { type: "respond", message: more.message || "" });
    else if (panel === "ask_info") this.decide(item, { type: "ask_info", question: more.question || "" });
    else if (panel === "answer") {
      this.decide(item, {}, { type: "answer", text: more.answer ?? item.template });
    }
  }

  verb(item, name) {
    const needsMore = name !== "approve" || item.confirm;
    if (name === "choose") this.decide(item, { type: "choose", option: this.of(item.id).more.option || "" });
    else if (item.foreign !== null && name === "reject") this.decide(item, { type: "reject" });
    else if (needsMore) this.open(item, this.of(item.id).panel === name ? "" : name);
    else this.decide(item, { type: "approve" });
  }

  pressed(event) {
    const section = event.target.closest && event.target.closest("section[data-review]");
    const item = section && this.model.get("view").cases.find((one) => one.id === section.dataset.review);
    if (!item || this.busy) return;
    const inside = event.target.matches("input:not([type=radio]), textarea, select");
    if (event.key === "Escape" && this.of(item.id).panel) {
      event.preventDefault();
      this.open(item, "");
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && this.of(item.id).panel) {
      event.preventDefault();
      this.submit(item);
    } else if (!inside && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const number = Number(event.key);
      const verb = item.allowed.find((name) => KEYS[name] === event.key);
      if (verb) {
        event.preventDefault();
        // One key is enough for what can be taken back. What cannot needs the button itself.
        if (verb === "approve" && item.irreversible !== false && !item.confirm) {
          section.querySelector('[data-verb="approve"]').focus();
        } else this.verb(item, verb);
      } else if (number && item.options && item.options[number - 1] && item.allowed.includes("choose")) {
        event.preventDefault();
        this.of(item.id).more.option = item.options[number - 1].value;
        this.draw();
      }
    }
  }

  // Drawing.

  draw() {
    const view = this.model.get("view");
    if (!view || !view.phase) return;
    const at = this.root.getRootNode().activeElement;
    const held = at && this.root.contains(at) ? at.dataset.key || "root" : null;
    const caret = held && at.selectionStart !== undefined ? [at.selectionStart, at.selectionEnd] : null;
    this.busy = view.phase === "working";
    if (view.problem) this.problem = view.problem;
    const parts = [this.head(view)];
    if (view.notice) parts.push(this.notice(view.notice));
    for (const item of view.cases) parts.push(item.foreign === null ? this.own(item, view) : this.foreign(item));
    for (const one of view.told) parts.push(this.toldOf(one));
    const mine = view.records.filter((one) => one.mine).reverse();
    const before = view.records.filter((one) => !one.mine).reverse();
    parts.push(...mine.map((one) => this.record(one)));
    if (before.length) {
      const list = before.map((one) => this.record(one));
      parts.push(h("details", { class: "hitl-before" }, h("summary", {}, `Earlier decisions (${before.length})`), list));
    }
    this.body.replaceChildren(...parts);
    this.status.textContent = this.statusOf(view);
    this.mute(view.phase !== "ready");
    for (const item of view.cases) {
      const preview = this.previews.get(item.id);
      const section = this.sectionOf(item.id);
      if (this.problem && this.problem.review === item.id) this.showProblem(section, this.problem);
      if (preview && this.of(item.id).panel === "edit") this.showPreview(section, preview, !this.problem);
    }
    if (held) this.refocus(held, caret);
  }

  refocus(held, caret) {
    const again = [...this.root.querySelectorAll("[data-key]")].find((one) => one.dataset.key === held);
    const wrong = this.root.querySelector("[aria-invalid=true]");
    const target = wrong || again || this.root;
    target.focus({ preventScroll: !wrong });
    if (again && !wrong && caret && caret[0] !== null && again.setSelectionRange) {
      try {
        again.setSelectionRange(...caret);
      } catch {
        // a date has no caret
      }
    }
  }

  statusOf(view) {
    if (view.phase === "working") return "Decided. The graph goes on…";
    if (view.phase === "reading") return "Reading the thread…";
    if (!view.thread || view.cases.length) return "";
    return `Thread ${view.thread.thread} ${view.thread.words}.`;
  }

  head(view) {
    const count = view.cases.length;
    const open = count > 1 ? `${count} cases wait; decide them in any order. ` : "";
    const who = count ? `You decide as ${view.by}.` : "";
    const thread = view.thread ? `Thread ${view.thread.thread}` : "";
    const failed = view.thread && view.thread.error;
    const stuck = view.thread && (failed || view.thread.standing === "running");
    const again = () => {
      this.busy = true;
      this.mute(true);
      this.send({ type: "go_on" });
      this.wait();
    };
    return h(
      "header",
      { class: "hitl-head" },
      h("span", { class: "hitl-thread" }, said(thread)),
      h("span", {}, open, said(who)),
      h(
        "button",
        { type: "button", class: "hitl-plain", "data-key": "look", click: () => this.send({ type: "look" }) },
        "Look again",
      ),
      failed
        ? h(
            "div",
            { class: "hitl-alert", role: "alert" },
            h("strong", {}, "The graph raised an error after the decision. "),
            "The decision is kept; nothing after the error was done.",
            h("div", { class: "hitl-text hitl-mono" }, said(failed)),
          )
        : null,
      stuck
        ? h("button", { type: "button", class: "hitl-button", "data-key": "again", click: again }, failed ? "Try again" : "Let it go on")
        : null,
    );
  }

  notice(notice) {
    return h("p", { class: `hitl-alert hitl-${notice.kind}`, role: "alert" }, said(notice.text));
  }

  own(item, view) {
    const local = this.of(item.id);
    const title = `${this.prefix}-${item.id}`;
    const waited = item.asked_at ? `waiting ${span((Date.now() - Date.parse(item.asked_at)) / 1000)}` : "";
    const due = item.due ? (Date.parse(item.due) - Date.now()) / 1000 : null;
    const late = due === null ? "" : due < 0 ? `overdue by ${span(due)}` : `due in ${span(due)}`;
    const facts = [
      ["Why it paused", item.why],
      ["Uncertain", item.uncertainty],
      ["Blocks", item.blocks],
    ].filter(([, texts]) => texts.length);
    return h(
      "section",
      { class: "hitl-case", "aria-labelledby": title, "data-review": item.id },
      h(
        "p",
        { class: "hitl-kicker" },
        h("span", {}, said(item.gate)),
        h("span", {}, said(item.owner)),
        item.priority === "normal" ? null : h("span", { class: "hitl-strong" }, `${item.priority} priority`),
        h("span", {}, waited),
        late ? h("span", { class: due < 0 ? "hitl-strong" : "", title: item.limit }, late) : null,
      ),
      h("h3", { id: title }, said(item.question)),
      h(
        "dl",
        { class: "hitl-facts" },
        facts.map(([name, texts]) => [h("dt", {}, name), h("dd", {}, texts.map((text) => h("p", {}, said(text))))]),
      ),
      item.warnings.length
        ? h("div", { class: "hitl-alert" }, item.warnings.map((text) => h("p", {}, h("strong", {}, "Beware: "), said(text))))
        : null,
      h(
        "div",
        { class: "hitl-two" },
        h("div", { class: "hitl-known" }, h("h4", {}, "What is known"), this.evidence(item)),
        h(
          "div",
          { class: "hitl-proposed" },
          h("h4", {}, local.panel === "edit" ? "Your version" : ["What the system proposes: ", said(item.act)]),
          local.panel === "edit" ? this.form(item, local) : this.fields(item.fields),
        ),
      ),
      item.previous ? this.previous(item.previous) : null,
      this.consequence(item),
      item.options.length && item.allowed.includes("choose") ? this.options(item, local) : null,
      item.transcript.length ? this.transcript(item.transcript) : null,
      this.actions(item, local),
      item.versions ? h("p", { class: "hitl-fine" }, "Made with ", said(item.versions)) : null,
      view.desk
        ? null
        : h("p", { class: "hitl-fine" }, "This graph's checkpointer keeps no reviews: only this kernel guards against deciding twice."),
    );
  }

  evidence(item) {
    if (!item.evidence.length) return h("p", { class: "hitl-alert" }, "No evidence was found.");
    return item.evidence.map((one) =>
      h(
        "article",
        { class: "hitl-source" },
        h("h5", {}, said(one.title), one.source ? h("span", { class: "hitl-fine" }, ` from ${one.source}`) : null),
        one.pairs.length ? this.pairs(one.pairs.map(([name, text]) => [said(name), said(text)])) : null,
        one.text ? h("div", { class: one.mono ? "hitl-text hitl-mono" : "hitl-text" }, said(one.text)) : null,
        one.url ? h("p", { class: "hitl-fine" }, said(one.url)) : null,
      ),
    );
  }

  pairs(rows) {
    return h("dl", { class: "hitl-pairs" }, rows.map(([name, shown]) => [h("dt", {}, name), h("dd", {}, shown)]));
  }

  fields(fields) {
    const rows = fields.map((one) => [
      said(one.name),
      [
        h("div", { class: one.mono ? "hitl-value hitl-mono" : "hitl-value" }, said(one.text)),
        one.hidden.length ? h("p", { class: "hitl-wrong" }, `holds hidden characters: ${one.hidden.join(", ")}`) : null,
      ],
    ]);
    return h("div", { class: "hitl-agent" }, this.pairs(rows));
  }

  form(item, local) {
    const tool = item.tools.find((one) => one.tool === local.tool);
    const form = tool ? tool.form : item.form;
    const pick = (event) => {
      local.tool = event.target.value;
      this.touched(item.id);
      this.draw();
      this.typed(item);
    };
    const names = [["", item.act], ...item.tools.map((one) => [one.tool, one.name])];
    const key = `${item.id}/tool`;
    const choice = item.tools.length
      ? this.labelled(key, "Call", h(
          "select",
          { "data-key": key, change: pick },
          names.map(([value, name]) => h("option", { value, selected: value === (local.tool || "") }, said(name))),
        ))
      : null;
    return h("div", { class: "hitl-form" }, choice, form.map((field, place) => this.field(item, local, field, place)));
  }

  field(item, local, field, place) {
    const texts = (local.texts[local.tool || ""] ||= {});
    const key = `${item.id}/${local.tool || ""}/${field.name}`;
    const shown = field.name in texts ? texts[field.name] : field.text;
    let untouched = field.text;
    const change = (event) => {
      const text = event.target.value;
      if (text === untouched) delete texts[field.name];
      else texts[field.name] = text;
      this.problem = null;
      this.typed(item);
    };
    const attrs = { "data-key": key, "data-field": field.name, "data-first": place === 0, input: change, spellcheck: "true" };
    let input;
    if (field.kind === "choice" || field.kind === "boolean") {
      const yes = { value: "true", label: "Yes" };
      const no = { value: "false", label: "No" };
      const choices = field.kind === "choice" ? field.choices : [yes, no];
      const all = choices.some((one) => one.value === field.text) ? choices : [{ value: field.text, label: "(none)" }, ...choices];
      input = h("select", attrs, all.map((one) => h("option", { value: one.value, selected: one.value === shown }, said(one.label))));
    } else if (field.kind === "long" || field.kind === "json") {
      const lines = Math.min(14, Math.max(3, shown.split("\n").length + Math.floor(shown.length / 70)));
      input = h("textarea", { ...attrs, rows: lines, class: field.kind === "json" ? "hitl-mono" : "" });
    } else {
      const types = { date: "date", text: "text", number: "text" };
      input = h("input", { ...attrs, type: types[field.kind], inputmode: field.kind === "number" ? "decimal" : null });
    }
    if (input.tagName !== "SELECT") {
      input.value = field.text;
      untouched = input.value; // as the browser gives it back, such as with bare newlines
      input.value = shown;
    }
    const under = [
      field.help ? h("p", { class: "hitl-fine" }, said(field.help)) : null,
      field.hidden.length ? h("p", { class: "hitl-wrong" }, `holds hidden characters: ${field.hidden.join(", ")}`) : null,
      h("div", { class: "hitl-diff", "data-diff": field.name, hidden: true }),
    ];
    return this.labelled(key, field.label, input, ...under);
  }

  labelled(key, label, input, ...under) {
    const id = `${this.prefix}-${key}`.replace(/[^\w-]/g, "_");
    input.id = id;
    input.setAttribute("aria-describedby", `${id}-error`);
    const error = h("p", { class: "hitl-wrong", id: `${id}-error`, "data-error-of": input.dataset.field || input.dataset.error || "" });
    return h("div", { class: "hitl-field" }, h("label", { for: id }, said(label)), input, error, ...under);
  }

  consequence(item) {
    return h(
      "div",
      { class: item.irreversible ? "hitl-then hitl-final" : "hitl-then" },
      h("strong", {}, "If you agree: "),
      said(item.consequence),
      item.irreversible ? h("strong", { class: "hitl-undone" }, " This cannot be undone.") : " It can be undone.",
      item.if_wrong ? h("p", { class: "hitl-fine" }, "If it is wrong: ", said(item.if_wrong)) : null,
    );
  }

  options(item, local) {
    const group = `${this.prefix}-${item.id}-options`;
    return h(
      "fieldset",
      { class: "hitl-options" },
      h("legend", {}, "Options"),
      item.options.map((one, number) =>
        h(
          "label",
          { class: "hitl-option" },
          h("input", {
            type: "radio",
            name: group,
            "data-key": `${item.id}/option/${one.value}`,
            checked: local.more.option === one.value,
            change: () => {
              local.more.option = one.value;
              this.touched(item.id);
              this.draw();
            },
          }),
          h("span", {}, h("strong", {}, `${number + 1}. `, said(one.label)), one.consequence ? [h("br"), h("span", { class: "hitl-fine" }, said(one.consequence))] : null),
        ),
      ),
    );
  }

  transcript(turns) {
    const list = turns.map((one) =>
      h("article", { class: "hitl-turn" }, h("h5", {}, said(one.role), h("span", { class: "hitl-fine" }, ` ${one.at}`)), h("div", { class: "hitl-text" }, said(one.text))),
    );
    return h("details", {}, h("summary", {}, `Transcript (${turns.length})`), list);
  }

  previous(view) {
    const why = view.said.length ? `: ${view.said.join(", ")}` : "";
    const changed = view.fields.length
      ? this.pairs(view.fields.map((one) => [said(one.name), h("div", { class: "hitl-value" }, diff(one.diff))]))
      : h("p", {}, "Nothing has changed since.");
    return h(
      "div",
      { class: "hitl-previous" },
      h("h4", {}, "What changed since the attempt before"),
      h("p", { class: "hitl-fine" }, said(`${words(view.decision)} by ${view.by}${why}`)),
      changed,
    );
  }

  actions(item, local) {
    const primary = item.allowed[0];
    const shownVerbs = item.allowed.filter((name) => name !== local.panel && !(local.panel === "edit" && name === "approve"));
    const buttons = shownVerbs.map((name) => {
      const leads = item.leads && item.leads[name];
      return h(
        "button",
        {
          type: "button",
          class: name === primary && !local.panel ? "hitl-button hitl-primary" : "hitl-button",
          "data-verb": name,
          "data-key": `${item.id}/verb/${name}`,
          "aria-keyshortcuts": KEYS[name] || null,
          title: leads ? `leads to ${leads}` : null,
          click: () => this.verb(item, name),
        },
        VERBS[name],
      );
    });
    const keys = item.allowed.filter((name) => KEYS[name]).map((name) => `${KEYS[name]} ${VERBS[name].toLowerCase()}`);
    return h(
      "div",
      { class: "hitl-actions" },
      local.panel && local.panel !== "choose" ? this.panel(item, local) : null,
      item.allowed.includes("choose") ? h("p", { class: "hitl-wrong", "data-error-of": "option" }) : null,
      h("p", { class: "hitl-wrong", role: "alert", "data-error-of": "*" }),
      h("div", { class: "hitl-buttons" }, buttons),
      keys.length ? h("p", { class: "hitl-keys" }, `Keys, while a button of this case has the focus: ${keys.join(" · ")}`) : null,
    );
  }

  panel(item, local) {
    const { panel, more, grounds } = local;
    const area = (name, label, store, rows, first) =>
      this.labelled(
        `${item.id}/${name}`,
        label,
        h("textarea", {
          rows,
          "data-key": `${item.id}/${name}`,
          "data-error": name,
          "data-first": first,
          value: store[name] || "",
          input: (event) => {
            store[name] = event.target.value;
            this.touched(item.id);
          },
        }),
      );
    const inner = [];
    const final = panel === "approve" || panel === "edit" ? item.confirm : null;
    if (panel === "respond") inner.push(area("message", "Your answer", more, 4, true));
    if (panel === "ask_info") inner.push(area("question", "What is missing?", more, 3, true));
    if (panel === "answer") {
      more.answer ??= item.template;
      inner.push(area("answer", "Answer as JSON", more, 4, true));
    }
    if (item.foreign === null && panel !== "approve") inner.push(this.grounds(item, grounds, panel));
    if (final) inner.push(this.confirm(item, local, final));
    const labels = {
      approve: "Approve",
      edit: "Approve with these changes",
      reject: "Reject",
      respond: "Send this answer",
      ask_info: "Ask",
      take_over: "Take over",
      answer: "Answer",
    };
    return h(
      "div",
      { class: "hitl-panel" },
      inner,
      h(
        "div",
        { class: "hitl-buttons" },
        h("button", { type: "button", class: "hitl-button hitl-primary", "data-key": `${item.id}/submit`, "data-submit": panel, click: () => this.submit(item) }, labels[panel]),
        h("button", { type: "button", class: "hitl-button", "data-key": `${item.id}/back`, click: () => this.open(item, "") }, panel === "edit" ? "Back (your text is kept)" : "Back"),
      ),
    );
  }

  confirm(item, local, final) {
    const typed = local.panel === "edit" ? (local.texts[local.tool || ""] || {})[final.field] : undefined;
    const wanted = typed === undefined ? final.text : typed;
    return this.labelled(
      `${item.id}/confirm`,
      `To confirm, type ${final.field ? `${words(final.field)}: ` : ""}${wanted}`,
      h("input", {
        type: "text",
        autocomplete: "off",
        "data-key": `${item.id}/confirm`,
        "data-error": "confirm",
        "data-first": local.panel === "approve",
        value: local.more.confirmed || "",
        input: (event) => {
          local.more.confirmed = event.target.value;
        },
      }),
    );
  }

  grounds(item, grounds, panel) {
    const list = `${this.prefix}-${item.id}-reasons`;
    const keep = (name) => (event) => {
      grounds[name] = event.target.value;
      this.touched(item.id);
    };
    const pick = (name, label, choices) => {
      const key = `${item.id}/${name}`;
      const all = [["", "not said"], ...Object.entries(choices)];
      const options = all.map(([value, text]) => h("option", { value, selected: value === (grounds[name] || "") }, text));
      return this.labelled(key, label, h("select", { "data-key": key, change: keep(name) }, options));
    };
    const reason = h("input", {
      type: "text",
      list,
      autocomplete: "off",
      "data-key": `${item.id}/reason`,
      "data-error": "reason",
      "data-first": panel === "reject" || panel === "take_over",
      value: grounds.reason || "",
      input: keep("reason"),
    });
    const note = h("input", { type: "text", autocomplete: "off", "data-key": `${item.id}/note`, value: grounds.note || "", input: keep("note") });
    return h(
      "fieldset",
      { class: "hitl-grounds" },
      h("legend", {}, panel === "reject" ? "Why" : "Why (may be left out)"),
      h("datalist", { id: list }, REASONS.map((one) => h("option", { value: one }))),
      this.labelled(`${item.id}/reason`, "Reason, in a word or two", reason),
      this.labelled(`${item.id}/note`, "Note for the next reader", note),
      pick("cause", "What was at fault", CAUSES),
      pick("recurrence", "Will it come again?", RECURRENCES),
    );
  }

  foreign(item) {
    const local = this.of(item.id);
    const title = `${this.prefix}-${item.id}`;
    const asker = item.node ? `node ${item.node}` : "a node";
    const acts = item.acts.map((act) => [h("h5", {}, said(act.name)), this.pairs(act.fields.map((one) => [said(one.name), h("div", { class: "hitl-value" }, said(one.text))]))]);
    const open = () => this.open(item, local.panel === "answer" ? "" : "answer");
    return h(
      "section",
      { class: "hitl-case", "aria-labelledby": title, "data-review": item.id },
      h("p", { class: "hitl-kicker" }, h("span", {}, said(`asked by ${asker}, which is no gate of this library`))),
      h("h3", { id: title }, said(item.question)),
      item.description || acts.length
        ? h("div", { class: "hitl-agent" }, item.description ? h("div", { class: "hitl-text" }, said(item.description)) : null, acts)
        : null,
      item.schema ? h("details", {}, h("summary", {}, "The answer that it takes"), h("div", { class: "hitl-text hitl-mono" }, said(item.schema))) : null,
      this.actions(item, local),
      local.panel === "answer"
        ? null
        : h("button", { type: "button", class: "hitl-button", "data-verb": "answer", "data-key": `${item.id}/verb/answer`, click: open }, "Answer as JSON"),
    );
  }

  toldOf(one) {
    return h("section", { class: "hitl-record" }, h("h3", {}, said(one.question)), h("p", {}, "Answered ", h("code", {}, said(one.answer)), " by ", said(one.by)));
  }

  record(one) {
    const verbs = { approve: "approved", edit: "approved with changes", reject: "rejected", choose: "chose", respond: "answered", ask_info: "asked for information", take_over: "took over" };
    const again = { judged_again: "is reviewed again: the edit made another act of it", measured_again: "is measured again", routed: "leads elsewhere" }[one.outcome];
    const facts = [
      ["Option", one.option],
      ["Words", one.words],
      ["Reason", one.reason],
      ["At fault", CAUSES[one.cause] || ""],
      ["Again?", RECURRENCES[one.recurrence] || ""],
      ["Note", one.note],
      ["Went on to", one.route],
    ].filter(([, text]) => text);
    const head = one.fields.some((field) => field.changed) ? "Proposed → final" : one.final ? "As proposed" : "What was proposed";
    return h(
      "section",
      { class: "hitl-record", "data-record": one.id },
      h("p", { class: "hitl-kicker" }, h("span", {}, said(one.gate)), h("span", {}, said(one.act)), h("span", {}, one.at), one.waited ? h("span", {}, `after ${one.waited}`) : null, h("span", {}, said(`via ${one.via}`))),
      h("h3", {}, said(one.by), ` ${verbs[one.decision] || words(one.decision)}`, again ? `; it ${again}` : ""),
      facts.length ? this.pairs(facts.map(([name, text]) => [name, said(text)])) : null,
      h("h4", {}, head),
      this.pairs(one.fields.map((field) => [said(field.name), h("div", { class: "hitl-value" }, diff(field.diff))])),
    );
  }

  // Errors and previews, written into what is drawn already, so that nobody's caret moves.

  showPreview(section, message, withProblem = true) {
    for (const place of section.querySelectorAll("[data-diff]")) {
      const pieces = message.diffs[place.dataset.diff];
      place.hidden = !pieces;
      place.replaceChildren(...(pieces ? [h("span", { class: "hitl-fine" }, "Changed: "), ...diff(pieces)] : []));
    }
    if (withProblem) this.showProblem(section, message.problem, true);
  }

  /** `quiet`: nothing was changed yet is no mistake while one still types. */
  showProblem(section, problem, quiet = false) {
    for (const place of section.querySelectorAll("[data-error-of]")) place.replaceChildren();
    for (const input of section.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
    if (!problem || (quiet && problem.field === "changes")) return;
    const parts = problem.field.replace(/^changes\.?/, "").split(/[.[]/);
    const places = [...section.querySelectorAll("[data-error-of]")];
    const place = places.find((one) => one.dataset.errorOf !== "*" && one.dataset.errorOf === parts[0] && parts[0]);
    const input = place && place.parentElement.querySelector("input, textarea, select");
    if (input && place.parentElement.classList.contains("hitl-field")) input.setAttribute("aria-invalid", "true");
    const at = place ? (parts.length > 1 ? `${parts.slice(1).join(".")} ` : "") : problem.field ? `${problem.field} ` : "";
    (place || places.find((one) => one.dataset.errorOf === "*")).replaceChildren(...said(`${at}${problem.text}`));
  }
}

function render({ model, el }) {
  const card = new Card(model, el);
  return () => card.close();
}

export default { render };
