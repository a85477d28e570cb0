"use strict";
// The list: filters, which the address holds, groups, pages, and all of it on paper.
(() => {
  const PAGE = 50;
  const fields = Object.fromEntries(["search", "severity", "rule", "practice", "outcome", "exposure", "group"]
    .map((name) => [name, byId(name)]));
  const GROUPS = {
    account: (finding) => [finding.account || "no account known"],
    author: (finding) => [finding.author || "no author known"],
    path: (finding) => [finding.places[0].path],
    rule: (finding) => [`${finding.rule} ${finding.name}`],
  };
  const OUTCOMES = { report: "blocks", "below-threshold": "below the threshold", inline: "suppressed by a comment" };
  let shown = [];
  let items = [];
  let page = 0;

  const options = (select, values) => {
    for (const value of [...new Set(values)].sort()) select.append(make("option", { value }, value));
  };
  options(fields.rule, findings.map((finding) => `${finding.rule} ${finding.name}`));
  options(fields.practice, findings.flatMap((finding) => finding.practices));
  for (const value of SEVERITIES) fields.severity.append(make("option", { value }, value));
  const usual = { outcome: findings.some((finding) => finding.outcome === "report") ? "report" : "", group: "" };
  fields.outcome.value = usual.outcome;

  const EXPOSED = {
    pushed: (finding) => finding.pushed, head: (finding) => finding.inHead === true,
    history: (finding) => finding.inHead === false,
  };
  const suits = (finding, words) =>
    words.every((word) => finding.text.includes(word)) &&
    (!fields.severity.value || finding.severity === fields.severity.value) &&
    (!fields.rule.value || fields.rule.value === `${finding.rule} ${finding.name}`) &&
    (!fields.practice.value || finding.practices.includes(fields.practice.value)) &&
    (!fields.outcome.value || finding.outcome === fields.outcome.value ||
      (fields.outcome.value === "suppressed" && !["report", "below-threshold"].includes(finding.outcome))) &&
    (!fields.exposure.value || EXPOSED[fields.exposure.value](finding));

  const where = (place) => `${place.path}:${place.line}` + (place.commit ? ` in ${place.commit.slice(0, 12)}` : "");
  const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

  // The same value in many places is one entry.
  const collect = (list) => {
    const found = new Map();
    for (const finding of list) {
      if (found.has(finding.identity)) found.get(finding.identity).push(finding);
      else found.set(finding.identity, [finding]);
    }
    return [...found.values()];
  };
  const arrange = () => {
    const read = GROUPS[fields.group.value];
    if (!read) return collect(shown).map((members) => ({ members }));
    const groups = new Map();
    for (const finding of shown) {
      for (const name of read(finding)) {
        if (groups.has(name)) groups.get(name).push(finding);
        else groups.set(name, [finding]);
      }
    }
    return [...groups].sort((a, b) => b[1].length - a[1].length || (a[0] < b[0] ? -1 : 1)).flatMap(([name, list]) => {
      const entries = collect(list);
      const title = `${name}: ${count(list.length, "finding")}` +
        (entries.length < list.length ? `, ${entries.length} different` : "");
      return entries.map((members) => ({ members, title }));
    });
  };

  const facts = (pairs) => {
    const list = make("dl");
    for (const [key, value] of pairs) {
      if (value && value.length) list.append(make("dt", {}, key), make("dd", {}, value));
    }
    return list;
  };
  const placesOf = (members) => {
    const list = make("ul", { class: "places" });
    for (const finding of members) {
      const others = members.length > 1 ? [finding.seen.slice(0, 10), finding.author].filter(Boolean).join(", ") : "";
      for (const place of finding.places) {
        list.append(make("li", {}, make("code", {}, where(place)), ` (${place.role})${others ? `, ${others}` : ""}`));
      }
    }
    return list;
  };
  const body = (members) => {
    const [finding] = members;
    const box = make("div");
    const context = finding.context();
    if (context.length) box.append(make("pre", {}, context.join("\n")));
    const link = make("a", { href: `#search=${finding.fingerprint}` }, finding.fingerprint);
    box.append(placesOf(members), facts([
      ["outcome", (OUTCOMES[finding.outcome] || finding.outcome) + (finding.reason ? `: ${finding.reason}` : "")], ["account", finding.account],
      ...finding.facts(), ["confidence", finding.confidence], ["practices", finding.practices.join(", ")],
    ]), make("p", { class: "soft" }, "fingerprint ", link));
    const steps = finding.steps();
    if (steps.length) {
      const list = make("ol", { class: "steps" });
      for (const step of steps) list.append(make("li", {}, make("code", {}, step), copier(asCommand(step), "this step")));
      const all = copier(steps.map(asCommand).join("\n"), "all steps");
      box.append(make("p", {}, make("strong", {}, "What to do, in this order "), all), list);
    }
    return box;
  };
  const entry = ({ members }, open) => {
    const [finding] = members;
    const more = members.length > 1 ? ` and ${count(members.length - 1, "other place")}` : "";
    const summary = make("summary", {},
      make("span", { class: `badge ${finding.severity}` }, finding.severity),
      make("strong", {}, `${finding.rule} ${finding.name}`), ` ${where(finding.places[0])}${more}`,
      make("br"), finding.message);
    const details = make("details", {}, summary);
    const fill = () => { if (details.children.length === 1) details.append(body(members)); };
    details.addEventListener("toggle", () => { if (details.open) fill(); });
    if (open) {
      fill();
      details.open = true;
    }
    return make("li", { class: finding.severity }, details);
  };

  const draw = ({ paper = false } = {}) => {
    const pages = Math.max(1, Math.ceil(items.length / PAGE));
    page = Math.min(Math.max(page, 0), pages - 1);
    const nodes = [];
    let title = "";
    for (const item of paper ? items : items.slice(page * PAGE, (page + 1) * PAGE)) {
      if (item.title && item.title !== title) nodes.push(make("li", { class: "title" }, make("h3", {}, item.title)));
      title = item.title;
      nodes.push(entry(item, paper));
    }
    byId("list").replaceChildren(...nodes);
    byId("count").textContent = `${shown.length} of ${count(findings.length, "finding")}` +
      (!fields.group.value && items.length < shown.length ? `, ${items.length} different` : "");
    byId("page").textContent = `Page ${page + 1} of ${pages}`;
    byId("previous").disabled = page === 0;
    byId("next").disabled = page === pages - 1;
    document.querySelector(".pages").hidden = pages === 1;
  };

  // The address: what differs from the page as it opens, so that a link shows what its sender sees.
  const remember = () => {
    const words = new URLSearchParams();
    for (const [name, field] of Object.entries(fields)) {
      if (field.value !== (usual[name] || "")) words.set(name, field.value);
    }
    if (page) words.set("page", page + 1);
    const hash = words.size ? `#${words}` : "";
    try {
      if (hash !== location.hash) history.replaceState(null, "", hash || location.href.split("#")[0]);
    } catch { /* a page in a sandbox has no history */ }
  };
  const refresh = () => {
    const wanted = fields.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    shown = findings.filter((finding) => suits(finding, wanted));
    items = arrange();
    draw();
  };
  const recall = () => {
    const words = new URLSearchParams(location.hash.slice(1));
    if (location.hash && ![...words.keys()].some((name) => name in fields || name === "page")) return false;
    for (const [name, field] of Object.entries(fields)) {
      field.value = words.get(name) ?? usual[name] ?? "";
      if (field.value === "" && field.selectedIndex < 0) field.selectedIndex = 0;
    }
    page = Math.max(0, (Number.parseInt(words.get("page"), 10) || 1) - 1);
    return true;
  };
  const filter = () => { page = 0; refresh(); remember(); };
  const turn = (step) => { page += step; draw(); remember(); };
  const show = (name, value) => {
    for (const [other, field] of Object.entries(fields)) if (other !== "group") field.value = usual[other] || "";
    fields[name].value = value;
    filter();
    byId("findings").focus();
    byId("findings").scrollIntoView();
  };

  for (const field of Object.values(fields)) field.addEventListener("input", filter);
  document.querySelector(".filters").addEventListener("submit", (event) => event.preventDefault());
  byId("clear").addEventListener("click", () => {
    for (const [name, field] of Object.entries(fields)) field.value = usual[name] || "";
    filter();
  });
  byId("previous").addEventListener("click", () => turn(-1));
  byId("next").addEventListener("click", () => turn(1));
  byId("csv").addEventListener("click", () => download("credguard.csv", "text/csv", asCsv(shown)));
  byId("print").addEventListener("click", () => window.print());
  for (const button of document.querySelectorAll("[data-practice]")) {
    button.addEventListener("click", () => show("practice", button.dataset.practice));
  }
  for (const button of document.querySelectorAll("[data-severity]")) {
    button.addEventListener("click", () => show("severity", button.dataset.severity));
  }
  window.addEventListener("hashchange", () => { if (recall()) refresh(); });
  window.addEventListener("beforeprint", () => draw({ paper: true }));
  window.addEventListener("afterprint", () => draw());
  recall();
  refresh();
})();
