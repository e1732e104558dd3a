// A case as it is read: why it paused, evidence beside the proposal, what happens next, and the decisions.

function ownCase(card, item) {
  const local = card.of(item.id);
  const title = `${card.prefix}-${item.id}`;
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
      h("div", { class: "hitl-known" }, h("h4", {}, "What is known"), evidenceOf(item)),
      h(
        "div",
        { class: "hitl-proposed" },
        h("h4", {}, local.panel === "edit" ? "Your version" : ["What the system proposes: ", said(item.act)]),
        local.panel === "edit" ? editForm(card, item, local) : proposalFields(item.fields),
      ),
    ),
    item.previous ? previousAttempt(item.previous) : null,
    consequenceOf(item, local.panel === "edit"),
    item.options.length && item.allowed.includes("choose") ? optionList(card, item, local) : null,
    item.transcript.length ? transcriptOf(item.transcript) : null,
    actionRow(card, item, local),
    item.versions ? h("p", { class: "hitl-fine" }, "Made with ", said(item.versions)) : null,
  );
}

function evidenceOf(item) {
  if (!item.evidence.length) return h("p", { class: "hitl-alert" }, "No evidence was found.");
  return item.evidence.map((one) =>
    h(
      "article",
      { class: "hitl-source" },
      h("h5", {}, said(one.title), one.source ? h("span", { class: "hitl-fine" }, " from ", said(one.source)) : null),
      one.pairs.length ? pairList(one.pairs.map(([name, text]) => [said(name), saidLong(text)])) : null,
      one.text ? h("div", { class: one.mono ? "hitl-text hitl-mono" : "hitl-text" }, saidLong(one.text)) : null,
      one.url ? h("p", { class: "hitl-fine" }, said(one.url)) : null,
    ),
  );
}

function pairList(rows) {
  return h("dl", { class: "hitl-pairs" }, rows.map(([name, shown]) => [h("dt", {}, name), h("dd", {}, shown)]));
}

function proposalFields(fields) {
  const rows = fields.map((one) => [
    said(one.name),
    [
      h("div", { class: one.mono ? "hitl-value hitl-mono" : "hitl-value" }, saidLong(one.text)),
      one.hidden.length ? h("p", { class: "hitl-wrong" }, `holds hidden characters: ${one.hidden.join(", ")}`) : null,
    ],
  ]);
  return h("div", { class: "hitl-agent" }, pairList(rows));
}

function consequenceOf(item, edited) {
  return h(
    "div",
    { class: item.irreversible ? "hitl-then hitl-final" : "hitl-then" },
    h("strong", {}, edited ? "As it was proposed: " : "If you agree: "),
    said(item.consequence),
    item.irreversible ? h("strong", { class: "hitl-undone" }, " This cannot be undone.") : " It can be undone.",
    item.if_wrong ? h("p", { class: "hitl-fine" }, "If it is wrong: ", said(item.if_wrong)) : null,
  );
}

function optionList(card, item, local) {
  const group = `${card.prefix}-${item.id}-options`;
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
            card.touched(item.id);
            card.draw();
          },
        }),
        h("span", {}, h("strong", {}, `${number + 1}. `, said(one.label)), one.consequence ? [h("br"), h("span", { class: "hitl-fine" }, said(one.consequence))] : null),
      ),
    ),
  );
}

function transcriptOf(turns) {
  const list = turns.map((one) =>
    h("article", { class: "hitl-turn" }, h("h5", {}, said(one.role), h("span", { class: "hitl-fine" }, ` ${one.at}`)), h("div", { class: "hitl-text" }, saidLong(one.text))),
  );
  return h("details", {}, h("summary", {}, `Transcript (${turns.length})`), list);
}

function previousAttempt(view) {
  const why = view.said.length ? `: ${view.said.join(", ")}` : "";
  const changed = view.fields.length
    ? pairList(view.fields.map((one) => [said(one.name), h("div", { class: "hitl-value" }, diff(one.diff))]))
    : h("p", {}, "Nothing has changed since.");
  return h(
    "div",
    { class: "hitl-previous" },
    h("h4", {}, "What changed since the attempt before"),
    h("p", { class: "hitl-fine" }, said(`${words(view.decision)} by ${view.by}${why}`)),
    changed,
  );
}

function actionRow(card, item, local) {
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
        click: () => card.verb(item, name),
      },
      VERBS[name],
    );
  });
  if (item.foreign !== null && local.panel !== "answer") {
    const open = () => card.open(item, "answer");
    const key = `${item.id}/verb/answer`;
    buttons.push(h("button", { type: "button", class: "hitl-button", "data-verb": "answer", "data-key": key, click: open }, "Answer as JSON"));
  }
  const verbs = item.allowed.filter((name) => KEYS[name]).map((name) => `${KEYS[name]} ${VERBS[name].toLowerCase()}`);
  const keys = local.panel ? "Keys: Ctrl+Enter sends this · Esc goes back" : `Keys, while a button of this case has the focus: ${verbs.join(" · ")}`;
  return h(
    "div",
    { class: "hitl-actions" },
    local.panel && local.panel !== "choose" ? decisionPanel(card, item, local) : null,
    item.allowed.includes("choose") ? h("p", { class: "hitl-wrong", "data-error-of": "option" }) : null,
    h("p", { class: "hitl-wrong", role: "alert", "data-error-of": "*" }),
    h("div", { class: "hitl-buttons" }, buttons),
    local.panel || verbs.length ? h("p", { class: "hitl-keys" }, keys) : null,
  );
}

function foreignCase(card, item) {
  const local = card.of(item.id);
  const title = `${card.prefix}-${item.id}`;
  const asker = item.node ? `node ${item.node}` : "a node";
  const acts = item.acts.map((act) => [h("h5", {}, said(act.name)), pairList(act.fields.map((one) => [said(one.name), h("div", { class: "hitl-value" }, saidLong(one.text))]))]);
  return h(
    "section",
    { class: "hitl-case", "aria-labelledby": title, "data-review": item.id },
    h("p", { class: "hitl-kicker" }, h("span", {}, said(`asked by ${asker}, which is no gate of this library`))),
    h("h3", { id: title }, said(item.question)),
    item.description || acts.length
      ? h("div", { class: "hitl-agent" }, item.description ? h("div", { class: "hitl-text" }, saidLong(item.description)) : null, acts)
      : null,
    item.schema ? h("details", {}, h("summary", {}, "The answer that it takes"), h("div", { class: "hitl-text hitl-mono" }, said(item.schema))) : null,
    actionRow(card, item, local),
  );
}
