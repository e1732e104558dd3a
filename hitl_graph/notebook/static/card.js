// The card: what the kernel says is drawn, what the person does is sent.

const UNGUARDED = "This graph's checkpointer keeps no reviews: only this kernel guards against deciding twice.";

const SILENT = "No answer from the kernel yet. If it is busy, wait; if it was restarted, run the cell again.";
const GONE = "The kernel does not answer: nothing was decided. If it was restarted, run the cell again.";

class Card {
  constructor(model, el) {
    this.model = model;
    this.prefix = `hitl-${(cards += 1)}`;
    this.local = new Map(); // what is typed and which panel is open, by case
    this.previews = new Map(); // the last diff of each case
    this.number = 0;
    this.labels = 0;
    this.most = MOST_CASES;
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
    for (const [review, draft] of Object.entries(model.get("drafts") || {})) this.local.set(review, readDraft(draft));
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

  /** Whether it went out: to a kernel that was restarted nothing can be sent, and JupyterLab raises. */
  send(message) {
    try {
      this.model.send(message);
      return true;
    } catch {
      this.unheard(GONE);
      return false;
    }
  }

  /** Nothing was decided: all that was typed is there, and can be tried again. */
  unheard(why) {
    this.busy = false;
    this.mute(false);
    this.status.textContent = why;
  }

  later(name, wait, work) {
    clearTimeout(this[name]);
    this.timers.delete(this[name]);
    this[name] = setTimeout(work, wait);
    this.timers.add(this[name]);
  }

  of(review) {
    if (!this.local.has(review)) this.local.set(review, readDraft({}));
    return this.local.get(review);
  }

  /** What was typed into the form of the tool that is picked, by field. A field may be called `constructor`: no object. */
  textsOf(review) {
    const { texts, tool } = this.of(review);
    if (!texts.has(tool)) texts.set(tool, new Map());
    return texts.get(tool);
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
    this.previews.set(message.review, { ...message, diffs: new Map(message.diffs) });
    const section = this.sectionOf(message.review);
    if (section) this.showPreview(section, this.previews.get(message.review));
  }

  sectionOf(review) {
    return [...this.body.querySelectorAll("section")].find((one) => one.dataset.review === review);
  }

  // What the person does.

  touched(review) {
    this.later(`saving ${review}`, QUIET_MS * 2, () => this.send({ type: "draft", review, draft: sentDraft(this.of(review)) }));
  }

  typed(item) {
    const local = this.of(item.id);
    this.touched(item.id);
    this.later("preview", QUIET_MS, () => {
      this.number += 1;
      const texts = [...this.textsOf(item.id)];
      this.send({ type: "preview", review: item.id, number: this.number, texts, tool: local.tool });
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
    this.keep = true;
    this.mute(true);
    this.status.textContent = "Deciding…";
    const local = this.of(item.id);
    const body = { ...local.grounds, ...decision };
    const edits = decision.type === "edit" ? { texts: [...this.textsOf(item.id)], tool: local.tool } : {};
    const confirmed = local.more.confirmed || "";
    const sent = { type: "decide", review: item.id, digest: item.digest, decision: body, confirmed };
    if (this.send({ ...sent, ...edits, ...extra })) this.wait();
  }

  goOn() {
    if (this.busy) return;
    this.busy = true;
    this.keep = true;
    this.mute(true);
    if (this.send({ type: "go_on" })) this.wait();
  }

  wait() {
    this.later("patience", PATIENCE_MS, () => this.unheard(SILENT));
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
    if (this.of(item.id).panel) {
      // One thing is under way. A key for another, such as `a` beside an edit, would do what nobody has in mind.
      if (event.key === "Escape") {
        event.preventDefault();
        this.open(item, "");
      } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.repeat) {
        event.preventDefault();
        this.submit(item);
      }
    } else if (!inside && !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat) {
      const number = Number(event.key);
      const verb = item.allowed.find((name) => KEYS[name] === event.key);
      if (verb) {
        event.preventDefault();
        // One key is enough for what can be taken back. What cannot needs the button itself.
        if (verb === "approve" && item.irreversible !== false && !item.confirm) {
          section.querySelector('[data-verb="approve"]')?.focus();
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
    if (view.notice) parts.push(noticeOf(this, view.notice));
    for (const item of view.cases.slice(0, this.most)) parts.push(item.foreign === null ? ownCase(this, item) : foreignCase(this, item));
    if (view.cases.length > this.most) parts.push(this.moreCases(view.cases.length - this.most));
    if (view.cases.length && !view.desk) parts.push(h("p", { class: "hitl-fine hitl-foot" }, UNGUARDED));
    for (const one of view.told) parts.push(toldOf(one));
    const mine = view.records.filter((one) => one.mine).reverse();
    const before = view.records.filter((one) => !one.mine).reverse();
    parts.push(...mine.map((one) => recordOf(one)));
    if (before.length) {
      const list = before.map((one) => recordOf(one));
      parts.push(h("details", { class: "hitl-before" }, h("summary", {}, `Earlier decisions (${before.length})`), list));
    }
    this.body.replaceChildren(...parts);
    this.status.textContent = this.statusOf(view);
    this.mute(view.phase !== "ready");
    for (const item of view.cases.slice(0, this.most)) {
      const preview = this.previews.get(item.id);
      const section = this.sectionOf(item.id);
      if (this.problem && this.problem.review === item.id) this.showProblem(section, this.problem);
      if (preview && this.of(item.id).panel === "edit") this.showPreview(section, preview, !this.problem);
    }
    // A button that is switched off loses the focus: it comes back when the decision has been taken.
    const kept = this.keep && view.phase === "ready" ? "root" : null;
    if (view.phase === "ready") this.keep = false;
    if (held || kept) this.refocus(held || kept, caret);
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

  moreCases(left) {
    const on = () => {
      this.most += MOST_CASES;
      this.draw();
    };
    const words = `${left} more ${left > 1 ? "cases wait" : "case waits"}: show ${Math.min(left, MOST_CASES)}`;
    return h("button", { type: "button", class: "hitl-button hitl-more", "data-key": "more", click: on }, words);
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
            h("div", { class: "hitl-text hitl-mono" }, saidLong(failed)),
          )
        : null,
      stuck
        ? h("button", { type: "button", class: "hitl-button", "data-key": "again", click: () => this.goOn() }, failed ? "Try again" : "Let it go on")
        : null,
    );
  }

  // Errors and previews, written into what is drawn already, so that nobody's caret moves.

  showPreview(section, message, withProblem = true) {
    for (const place of section.querySelectorAll("[data-diff]")) {
      const pieces = message.diffs.get(place.dataset.diff);
      place.hidden = !pieces;
      place.replaceChildren(...(pieces ? [h("span", { class: "hitl-fine" }, "Changed: "), ...diff(pieces)] : []));
    }
    const label = section.querySelector(`label[data-confirm]`);
    if (label && message.confirm) label.replaceChildren(...said(confirmLabel(message.confirm)));
    if (withProblem) this.showProblem(section, message.problem, true);
  }

  /** `quiet`: nothing was changed yet is no mistake while one still types. */
  showProblem(section, problem, quiet = false) {
    for (const place of section.querySelectorAll("[data-error-of]")) place.replaceChildren();
    for (const input of section.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
    if (!problem || (quiet && problem.field === "changes")) return;
    const places = [...section.querySelectorAll("[data-error-of]")];
    // A field's name may hold dots: of all places that the error may be in, the one with the longest name.
    const fits = (name) => name && (problem.field === name || [".", "["].includes(problem.field.slice(name.length, name.length + 1)));
    const within = places.filter((one) => problem.field.startsWith(one.dataset.errorOf) && fits(one.dataset.errorOf));
    const [place] = within.sort((one, other) => other.dataset.errorOf.length - one.dataset.errorOf.length);
    const input = place && place.parentElement.querySelector("input, textarea, select");
    if (input && place.parentElement.classList.contains("hitl-field")) input.setAttribute("aria-invalid", "true");
    const at = (place ? problem.field.slice(place.dataset.errorOf.length) : problem.field).replace(/^\./, "");
    const text = at ? `${at} ${problem.text}` : problem.text;
    (place || places.find((one) => one.dataset.errorOf === "*")).replaceChildren(...said(text));
  }
}

function render({ model, el }) {
  const card = new Card(model, el);
  return () => card.close();
}

export default { render };
