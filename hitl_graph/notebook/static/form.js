// What a person fills in: the edited proposal, the words of a decision, its grounds.

/** What was typed, as it is kept here: maps, for a field or a tool may be called anything. */
function readDraft(draft) {
  const kept = Array.isArray(draft.texts) ? draft.texts : [];
  const texts = new Map(kept.map(([tool, typed]) => [tool, new Map(typed)]));
  return { panel: draft.panel || "", tool: draft.tool || "", grounds: { ...draft.grounds }, more: { ...draft.more }, texts };
}

/** The same as it is sent: pairs. */
function sentDraft(local) {
  return { ...local, texts: [...local.texts].map(([tool, typed]) => [tool, [...typed]]) };
}

function editForm(card, item, local) {
  const tool = item.tools.find((one) => one.tool === local.tool);
  const form = tool ? tool.form : item.form;
  const pick = (event) => {
    local.tool = event.target.value;
    card.touched(item.id);
    card.draw();
    card.typed(item);
  };
  const names = [["", item.act], ...item.tools.map((one) => [one.tool, one.name])];
  const key = `${item.id}/tool`;
  const choice = item.tools.length
    ? labelled(card, "Call", h(
        "select",
        { "data-key": key, change: pick },
        names.map(([value, name]) => h("option", { value, selected: value === local.tool }, said(name))),
      ))
    : null;
  return h("div", { class: "hitl-form" }, choice, form.map((field, place) => formField(card, item, local, field, place)));
}

function formField(card, item, local, field, place) {
  const texts = card.textsOf(item.id);
  const key = `${item.id}/field/${local.tool}/${field.name}`;
  const shown = texts.get(field.name) ?? field.text;
  let untouched = field.text;
  const change = (event) => {
    const text = event.target.value;
    if (text === untouched) texts.delete(field.name);
    else texts.set(field.name, text);
    card.problem = null;
    card.typed(item);
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
    const huge = shown.length > MOST_CHARACTERS; // its height is not measured and its words are not looked up
    const looks = [field.kind === "json" ? "hitl-mono" : "", huge ? "hitl-huge" : ""].join(" ").trim();
    input = h("textarea", { ...attrs, rows: lines, class: looks || null, spellcheck: huge ? "false" : "true" });
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
  return labelled(card, field.label, input, ...under);
}

function labelled(card, label, input, ...under) {
  const id = `${card.prefix}-${(card.labels += 1)}`; // not of its name: 件名 and 本文 would be the same word
  const { field, error } = input.dataset;
  input.id = id;
  input.setAttribute("aria-describedby", `${id}-error`);
  const place = h("p", { class: "hitl-wrong", id: `${id}-error`, "data-error-of": field === undefined ? error || "" : `changes.${field}` });
  return h("div", { class: "hitl-field" }, h("label", { for: id, "data-confirm": error === "confirm" }, said(label)), input, place, ...under);
}

function decisionPanel(card, item, local) {
  const { panel, more, grounds } = local;
  const area = (name, label, store, rows, first) =>
    labelled(
      card,
      label,
      h("textarea", {
        rows,
        "data-key": `${item.id}/${name}`,
        "data-error": name,
        "data-first": first,
        value: store[name] || "",
        input: (event) => {
          store[name] = event.target.value;
          card.touched(item.id);
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
  if (item.foreign === null && panel !== "approve") inner.push(groundsFields(card, item, grounds, panel));
  if (final) inner.push(confirmField(card, item, local, final));
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
      h("button", { type: "button", class: "hitl-button hitl-primary", "data-key": `${item.id}/submit`, "data-submit": panel, click: () => card.submit(item) }, labels[panel]),
      h("button", { type: "button", class: "hitl-button", "data-key": `${item.id}/back`, click: () => card.open(item, "") }, panel === "edit" ? "Back (your text is kept)" : "Back"),
    ),
  );
}

function confirmLabel(wanted) {
  return `To confirm, type ${wanted.field ? `${words(wanted.field)}: ` : ""}${wanted.text}`;
}

function confirmField(card, item, local, final) {
  const edited = local.panel === "edit" ? card.previews.get(item.id)?.confirm : null;
  return labelled(
    card,
    confirmLabel(edited || final),
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

function groundsFields(card, item, grounds, panel) {
  const list = `${card.prefix}-${item.id}-reasons`;
  const keep = (name) => (event) => {
    grounds[name] = event.target.value;
    card.touched(item.id);
  };
  const pick = (name, label, choices) => {
    const key = `${item.id}/${name}`;
    const all = [["", "not said"], ...Object.entries(choices)];
    const options = all.map(([value, text]) => h("option", { value, selected: value === (grounds[name] || "") }, text));
    return labelled(card, label, h("select", { "data-key": key, change: keep(name) }, options));
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
    labelled(card, "Reason, in a word or two", reason),
    labelled(card, "Note for the next reader", note),
    pick("cause", "What was at fault", CAUSES),
    pick("recurrence", "Will it come again?", RECURRENCES),
  );
}
