// What was decided, and what is told beside it.

function recordOf(one) {
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
    facts.length ? pairList(facts.map(([name, text]) => [name, said(text)])) : null,
    h("h4", {}, head),
    pairList(one.fields.map((field) => [said(field.name), h("div", { class: "hitl-value" }, diff(field.diff))])),
  );
}

function toldOf(one) {
  return h("section", { class: "hitl-record" }, h("h3", {}, said(one.question)), h("p", {}, "Answered ", h("code", {}, said(one.answer)), " by ", said(one.by)));
}

function noticeOf(card, notice) {
  const on = () => card.goOn();
  return h(
    "div",
    { class: `hitl-alert hitl-${notice.kind}`, role: "alert" },
    h("p", {}, said(notice.text)),
    notice.go_on ? h("button", { type: "button", class: "hitl-button", "data-key": "on", click: on }, "Let the thread go on with that decision") : null,
  );
}
