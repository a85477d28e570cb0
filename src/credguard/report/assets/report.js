"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const SEVERITIES = ["critical", "high", "medium", "low"];
  const PAGE = 50;
  const byId = (id) => document.getElementById(id);
  const fields = { search: byId("search"), severity: byId("severity"), rule: byId("rule"), practice: byId("practice"),
    outcome: byId("outcome"), exposure: byId("exposure") };
  let shown = [];
  let page = 0;

  // Everything from the report goes into the page as text, never as markup.
  const make = (name, attributes = {}, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };

  for (const finding of data) {
    const places = finding.locations.map((place) => place.path).join("\n");
    finding.text = [finding.rule_id, finding.rule_name, finding.message, finding.fingerprint, places]
      .join("\n").toLowerCase();
    finding.rank = SEVERITIES.indexOf(finding.severity);
  }
  data.sort((a, b) => a.rank - b.rank);

  const options = (select, values) => {
    for (const value of [...new Set(values)].sort()) select.append(make("option", { value }, value));
  };
  options(fields.rule, data.map((finding) => `${finding.rule_id} ${finding.rule_name}`));
  options(fields.practice, data.flatMap((finding) => finding.practices));
  for (const value of SEVERITIES) fields.severity.append(make("option", { value }, value));
  if (!data.some((finding) => finding.outcome === "report")) fields.outcome.value = "";

  const exposed = (finding, kind) => {
    const exposure = finding.exposure || {};
    if (kind === "pushed") return exposure.pushed === true;
    if (kind === "head") return exposure.in_head === true;
    return exposure.in_head === false;
  };
  const suits = (finding, words) =>
    words.every((word) => finding.text.includes(word)) &&
    (!fields.severity.value || finding.severity === fields.severity.value) &&
    (!fields.rule.value || fields.rule.value.startsWith(finding.rule_id + " ")) &&
    (!fields.practice.value || finding.practices.includes(fields.practice.value)) &&
    (!fields.outcome.value || finding.outcome === fields.outcome.value ||
      (fields.outcome.value === "suppressed" && !["report", "below-threshold"].includes(finding.outcome))) &&
    (!fields.exposure.value || exposed(finding, fields.exposure.value));

  const where = (place) => `${place.path}:${place.line}` + (place.commit ? ` in ${place.commit.slice(0, 12)}` : "");

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

  const words = (value) => {
    if (Array.isArray(value)) return value.map(words).join(", ") || "none";
    if (value && typeof value === "object") {
      return Object.entries(value).map(([key, inner]) => `${key.replaceAll("_", " ")}: ${words(inner)}`).join("; ");
    }
    return value === true ? "yes" : value === false ? "no" : String(value);
  };
  const facts = (pairs) => {
    const list = make("dl");
    for (const [key, value] of pairs) {
      if (value !== "" && value !== null && value !== undefined) {
        list.append(make("dt", {}, key.replaceAll("_", " ")), make("dd", {}, words(value)));
      }
    }
    return list;
  };

  const body = (finding) => {
    const box = make("div");
    if (finding.context && finding.context.length) {
      box.append(make("pre", {}, finding.context.map((line) => `${line.line}  ${line.text}`).join("\n")));
    }
    box.append(facts([
      ["where", finding.locations.map((place) => `${where(place)} (${place.role.replaceAll("_", " ")})`)],
      ["outcome", finding.outcome + (finding.outcome_reason ? `: ${finding.outcome_reason}` : "")],
      ["confidence", finding.confidence], ["practices", finding.practices], ["fingerprint", finding.fingerprint],
      ...Object.entries(finding.attributes || {}), ...Object.entries(finding.exposure || {}),
    ]));
    if (finding.remediation.length) {
      const all = finding.remediation.map(asCommand).join("\n");
      const steps = make("ol", { class: "steps" });
      for (const step of finding.remediation) steps.append(make("li", {}, make("code", {}, step), copier(asCommand(step), "this step")));
      box.append(make("p", {}, make("strong", {}, "What to do, in this order "), copier(all, "all steps")), steps);
    }
    return box;
  };

  const entry = (finding) => {
    const summary = make("summary", {},
      make("span", { class: `badge ${finding.severity}` }, finding.severity),
      make("strong", {}, `${finding.rule_id} ${finding.rule_name}`),
      document.createTextNode(` ${where(finding.locations[0])}`),
      make("br"), document.createTextNode(finding.message));
    const details = make("details", {}, summary);
    details.addEventListener("toggle", () => {
      if (details.open && details.children.length === 1) details.append(body(finding));
    });
    return make("li", { class: finding.severity }, details);
  };

  const draw = () => {
    const pages = Math.max(1, Math.ceil(shown.length / PAGE));
    page = Math.min(Math.max(page, 0), pages - 1);
    byId("list").replaceChildren(...shown.slice(page * PAGE, (page + 1) * PAGE).map(entry));
    byId("list").start = page * PAGE + 1;
    byId("count").textContent = `${shown.length} of ${data.length} findings`;
    byId("page").textContent = `Page ${page + 1} of ${pages}`;
    byId("previous").disabled = page === 0;
    byId("next").disabled = page === pages - 1;
    document.querySelector(".pages").hidden = pages === 1;
  };
  const filter = () => {
    const wanted = fields.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    shown = data.filter((finding) => suits(finding, wanted));
    page = 0;
    draw();
  };
  for (const field of Object.values(fields)) field.addEventListener("input", filter);
  document.querySelector(".filters").addEventListener("submit", (event) => event.preventDefault());
  document.querySelector(".filters").addEventListener("reset", () => setTimeout(filter));
  byId("previous").addEventListener("click", () => { page -= 1; draw(); });
  byId("next").addEventListener("click", () => { page += 1; draw(); });
  for (const button of document.querySelectorAll("[data-practice]")) {
    button.addEventListener("click", () => {
      fields.practice.value = button.dataset.practice;
      filter();
      byId("findings").focus();
      byId("findings").scrollIntoView();
    });
  }
  filter();

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const reported = data.filter((finding) => finding.outcome === "report" || finding.outcome === "below-threshold");
  const count = (list, test) => list.reduce((sum, item) => sum + (test(item) ? 1 : 0), 0);
  let charts = [];

  const bars = (canvas, labels, datasets, horizontal) => new Chart(canvas, {
    type: "bar",
    data: { labels, datasets },
    options: {
      indexAxis: horizontal ? "y" : "x", maintainAspectRatio: false, animation: false,
      scales: {
        x: { stacked: true, ticks: { color: colour("ink"), precision: 0 }, grid: { color: colour("line") } },
        y: { stacked: true, ticks: { color: colour("ink"), precision: 0, autoSkip: false }, grid: { color: colour("line") } },
      },
      plugins: { legend: { labels: { color: colour("ink") } } },
    },
  });

  const rulesChart = () => {
    const totals = new Map();
    for (const finding of reported) {
      const name = `${finding.rule_id} ${finding.rule_name}`;
      totals.set(name, (totals.get(name) || 0) + 1);
    }
    const names = [...totals.keys()].sort((a, b) => totals.get(b) - totals.get(a)).slice(0, 15);
    byId("rules-words").textContent = names.length
      ? `Most: ${names.slice(0, 3).map((name) => `${name} (${totals.get(name)})`).join(", ")}.`
      : "There are no findings.";
    byId("rules-chart").parentElement.hidden = !names.length;
    const sets = SEVERITIES.map((severity) => ({
      label: severity, backgroundColor: colour(severity),
      data: names.map((name) => count(reported, (f) => f.severity === severity && name.startsWith(f.rule_id + " "))),
    })).filter((set) => set.data.some(Boolean));
    return bars(byId("rules-chart"), names, sets, true);
  };

  const timeChart = () => {
    const dated = reported.filter((finding) => finding.exposure && finding.exposure.first_seen);
    const months = [...new Set(dated.map((finding) => finding.exposure.first_seen.slice(0, 7)))].sort();
    const still = count(dated, (finding) => finding.exposure.in_head === true);
    const pushed = count(dated, (finding) => finding.exposure.pushed === true);
    byId("time-words").textContent = dated.length
      ? `First ${months[0]}, last ${months.at(-1)}; ${still} of ${dated.length} still in HEAD, ${pushed} pushed.`
      : "Nothing here has a date: the history was not looked at, or holds no finding.";
    const kinds = [
      ["pushed, still in HEAD", "critical", (e) => e.pushed && e.in_head],
      ["pushed, only in history", "medium", (e) => e.pushed && !e.in_head],
      ["not pushed", "low", (e) => !e.pushed],
    ];
    byId("time-chart").parentElement.hidden = !dated.length;
    const sets = kinds.map(([label, name, test]) => ({
      label, backgroundColor: colour(name),
      data: months.map((month) => count(dated, (f) => f.exposure.first_seen.startsWith(month) && test(f.exposure))),
    })).filter((set) => set.data.some(Boolean));
    return bars(byId("time-chart"), months, sets, false);
  };

  const paint = () => {
    for (const chart of charts) chart.destroy();
    charts = [rulesChart(), timeChart()];
  };
  paint();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
})();
