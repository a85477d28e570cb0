"use strict";
// What leaves the page: steps for a shell, rows for a spreadsheet.

// What a shell can run stays as it is; words become comments, so that all steps can be pasted.
const COMMAND = /^(?:aws|az|chmod|credguard|gcloud|git|ibmcloud|npm|vault) [a-z-]/;
const asCommand = (step) => (COMMAND.test(step) ? step : `# ${step.replaceAll("\n", "\n# ")}`);

const copy = async (text, button) => {
  const area = make("textarea", { readonly: "", "aria-hidden": "true" });
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
};
const copier = (text, label) => {
  const button = make("button", { type: "button", class: "small", "aria-label": `Copy ${label}` }, "Copy");
  button.addEventListener("click", () => copy(text, button));
  return button;
};

// The columns of `credguard --format csv`, and its guard against cells that a spreadsheet takes for a formula.
const COLUMNS = {
  rule_id: (f) => f.rule, rule_name: (f) => f.name, severity: (f) => f.severity, confidence: (f) => f.confidence,
  outcome: (f) => f.outcome, outcome_reason: (f) => f.reason, path: (f) => f.places[0].path,
  line: (f) => f.places[0].line, column: (f) => f.places[0].column, commit: (f) => f.places[0].commit,
  message: (f) => f.message, fingerprint: (f) => f.fingerprint, practices: (f) => f.practices.join(" "),
  remediation: (f) => f.steps().join(" / "), author: (f) => f.author, date: (f) => f.seen,
};
const FORMULA = /^[ \u00a0'"]*[=+\-@\t\r\n|\uff1d\uff0b\uff0d\uff20]/;
const asCell = (value) => {
  const text = FORMULA.test(String(value)) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};
const asCsv = (list) =>
  [Object.keys(COLUMNS), ...list.map((finding) => Object.values(COLUMNS).map((read) => read(finding)))]
    .map((row) => `${row.map(asCell).join(",")}\r\n`).join("");

const download = (name, type, text) => {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = make("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
};
