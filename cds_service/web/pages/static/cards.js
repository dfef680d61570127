// A service's answer as an EHR shows it, and behind it why: the rules, what was missing, and the messages themselves.

import {element, fold, link, markdown, pretty, raw} from "./draw.js";
import {ASSESSMENT, TRACE} from "./ehr.js";

const WORDS = {info: "Information", warning: "Warning", critical: "Critical"};
const OUTCOMES = [["fires", "Fired"], ["cannot-tell", "Could not tell"], ["does-not-fire", "Did not fire"]];

// `acts` has apply(card, suggestion) and override(card, reason).
export function answerView(hook, call, problem, drawn, rules, acts) {
  const cards = call.status === 200 ? call.body?.cards ?? [] : [];
  const assessment = call.body?.extension?.[ASSESSMENT];
  const shown = cards.map((card, index) => cardView(card, drawn[index] ?? [card.detail ?? ""], assessment, rules, acts));
  const nothing = call.status === 200 && !cards.length && element("p", {className: "nothing"}, "No cards: assessed, nothing to say.");
  const failed = call.status !== 200 && element("div", {className: "card critical failed"},
    element("p", {className: "badge"}, call.status ? `HTTP ${call.status}` : "No answer"), element("p", {}, problem));
  const why = assessment && whyView(cards.length ? "Why these cards, and no others?" : "Why no card?", assessment, rules);
  const parts = [nothing, failed, ...shown, why, ...messages(call)];
  return element("section", {className: "answer"}, element("h3", {}, hook, element("small", {}, timing(call))),
    ...parts.filter(Boolean));
}

export function callView(told, call) {
  return element("section", {className: "answer"}, element("h3", {}, told, element("small", {}, timing(call))), ...messages(call));
}

function timing(call) {
  return `HTTP ${call.status} · ${Math.max(1, Math.round(call.milliseconds))} ms`;
}

function messages(call) {
  return [raw(`Request: ${call.method} ${call.address}`, pretty(call.sent)),
    raw(`Response: ${call.status}`, call.body ? pretty(call.body) : call.text)];
}

function cardView(card, detail, assessment, rules, acts) {
  const fired = new Set(card.extension?.[TRACE]?.rules ?? []);
  const findings = (assessment?.findings ?? []).filter((finding) => fired.has(finding.rule));
  const source = card.source ?? {};
  const parts = [
    element("p", {className: "badge"}, WORDS[card.indicator] ?? "Card"),
    element("h4", {}, card.summary),
    element("div", {className: "detail"}, ...markdown(detail)),
    suggestionsView(card, acts),
    (card.links ?? []).length > 0 && element("ul", {className: "links"}, ...card.links.map((each) => element("li", {}, link(each.label, each.url)))),
    overrideView(card, acts),
    findings.length > 0 && fold("Why this card?", findingList(findings, rules)),
    element("p", {className: "source"}, "Source: ", link(source.label ?? "", source.url ?? "")),
  ];
  const known = card.indicator in WORDS ? card.indicator : "info";
  return element("article", {className: `card ${known}`}, ...parts.filter(Boolean));
}

function suggestionsView(card, acts) {
  const buttons = (card.suggestions ?? []).map((suggestion) => {
    const kind = suggestion.isRecommended ? "main" : "";
    const button = element("button", {type: "button", className: kind}, suggestion.label);
    button.addEventListener("click", () => {
      const alone = card.selectionBehavior === "at-most-one";
      for (const each of alone ? buttons : [button]) each.disabled = true;
      button.textContent = `Applied: ${suggestion.label}`;
      acts.apply(card, suggestion);
    });
    return button;
  });
  return buttons.length > 0 && element("div", {className: "row suggestions"}, ...buttons);
}

function overrideView(card, acts) {
  const reasons = card.overrideReasons ?? [];
  if (!reasons.length) return null;
  const menu = element("select", {}, element("option", {value: ""}, "Choose a reason"),
    ...reasons.map((reason, index) => element("option", {value: index}, reason.display)));
  const comment = element("input", {type: "text", maxLength: 500});
  const button = element("button", {type: "submit"}, "Override");
  const form = element("form", {}, element("label", {}, "Reason", menu), element("label", {}, "In your own words (optional)", comment), button);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const reason = reasons[menu.value];
    const given = {...(reason && {reason}), ...(comment.value && {userComment: comment.value})};
    if (await acts.override(card, given)) {
      button.disabled = true;
      button.textContent = "Overridden";
    }
  });
  return fold("Override", form);
}

function whyView(title, assessment, rules) {
  const told = element("p", {}, "Vitamin B12 status: ", element("strong", {}, assessment.status.replaceAll("-", " ")),
    `, assessed for ${assessment.asOf} with knowledge ${assessment.knowledgeVersion}.`);
  const groups = OUTCOMES.map(([outcome, word]) => {
    const findings = assessment.findings.filter((finding) => finding.outcome === outcome);
    if (!findings.length) return null;
    const group = fold(`${word} (${findings.length})`, findingList(findings, rules));
    group.open = outcome === "fires" || outcome === "cannot-tell";
    return group;
  });
  const issues = (assessment.dataIssues ?? []).map((issue) => element("li", {},
    [issue.resource, issue.field].filter(Boolean).join(" "), ": ", issue.issue));
  const unused = issues.length > 0 && element("div", {}, element("p", {}, element("strong", {}, "Data that could not be used")),
    element("ul", {}, ...issues));
  // Sends the open chart's form, so that the patient stands in no address.
  const drawn = element("button", {type: "submit"}, "See the facts over time");
  drawn.setAttribute("form", "draw");
  return fold(title, told, drawn, ...[unused, ...groups].filter(Boolean));
}

function findingList(findings, rules) {
  return element("ul", {className: "findings"}, ...findings.map((finding) => {
    const missing = finding.missing ?? [];
    return element("li", {}, element("strong", {}, finding.rule), " ", rules[finding.rule]?.statement ?? "",
      ...(finding.facts ?? []).map((fact) => element("span", {className: "fact"}, fact)),
      missing.length > 0 && element("span", {className: "missing"}, `Missing: ${missing.join(", ").replaceAll("_", " ")}`));
  }));
}
