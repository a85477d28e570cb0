"use strict";
// The data of the page, as objects. Everything from the report goes into the page as text, never as markup.
const byId = (id) => document.getElementById(id);
const make = (name, attributes = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};
const SEVERITIES = ["critical", "high", "medium", "low"];

const findings = (() => {
  const { texts, lists, findings: rows } = JSON.parse(byId("data").textContent);
  const chunk = (numbers, size) =>
    Array.from({ length: numbers.length / size }, (_, n) => numbers.slice(n * size, (n + 1) * size));
  return rows.map((row) => {
    const [rule, name, rank, confidence, outcome, reason, message, fingerprint, practices, steps, context, places, facts,
      key, account, author, seen, flags] = row;
    const names = [texts[key], texts[places[0]]];  // what 0 and 1 stand for among the parts of a text
    const fill = (number) => [texts[number]].flat().map((part) => names[part] ?? part).join("");
    const fillAll = (number) => lists[number].map(fill);
    const finding = {
      rule: texts[rule], name: texts[name], rank, severity: SEVERITIES[rank], confidence: texts[confidence],
      outcome: texts[outcome], reason: texts[reason], message: texts[message], fingerprint,
      practices: fillAll(practices), key: texts[key], account: texts[account], author: texts[author], seen: texts[seen],
      pushed: Boolean(flags & 1), inHead: flags & 2 ? true : flags & 4 ? false : undefined,
      places: chunk(places, 5).map(([path, line, column, role, commit]) => (
        { path: texts[path], line, column, role: texts[role], commit: texts[commit] })),
      steps: () => fillAll(steps),
      context: () => chunk(context, 2).map(([line, text]) => `${line}  ${fill(text)}`),
      facts: () => chunk(fillAll(facts), 2),
    };
    finding.text = [finding.rule, finding.name, finding.message, fingerprint, finding.account, finding.author,
      ...finding.places.map((place) => place.path)].join("\n").toLowerCase();
    finding.identity = [finding.rule, fingerprint, finding.outcome, finding.reason].join("\n");
    return finding;
  }).sort((a, b) => (a.outcome !== "report") - (b.outcome !== "report") || a.rank - b.rank);
})();
