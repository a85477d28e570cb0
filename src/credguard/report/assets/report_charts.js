"use strict";
// The charts, in words as well.
(() => {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const reported = findings.filter((finding) => finding.outcome === "report" || finding.outcome === "below-threshold");
  const count = (list, test) => list.reduce((sum, item) => sum + (test(item) ? 1 : 0), 0);
  const BARS = 8;
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
      const name = `${finding.rule} ${finding.name}`;
      totals.set(name, (totals.get(name) || 0) + 1);
    }
    const names = [...totals.keys()].sort((a, b) => totals.get(b) - totals.get(a)).slice(0, BARS);
    byId("rules-words").textContent = names.length
      ? `Most: ${names.slice(0, 3).map((name) => `${name} (${totals.get(name)})`).join(", ")}.` +
        (totals.size > BARS ? ` Not drawn: ${totals.size - BARS} more.` : "")
      : "There are no findings.";
    byId("rules-chart").parentElement.hidden = !names.length;
    const sets = SEVERITIES.map((severity) => ({
      label: severity, backgroundColor: colour(severity),
      data: names.map((name) => count(reported, (f) => f.severity === severity && name === `${f.rule} ${f.name}`)),
    })).filter((set) => set.data.some(Boolean));
    return bars(byId("rules-chart"), names, sets, true);
  };

  const timeChart = () => {
    const dated = reported.filter((finding) => finding.seen);
    const months = [...new Set(dated.map((finding) => finding.seen.slice(0, 7)))].sort();
    const still = count(dated, (finding) => finding.inHead === true);
    const pushed = count(dated, (finding) => finding.pushed);
    byId("time-words").textContent = dated.length
      ? `First ${months[0]}, last ${months.at(-1)}; ${still} of ${dated.length} still in HEAD, ${pushed} pushed.`
      : "Nothing here has a date: the history was not scanned, or has no finding.";
    const kinds = [
      ["pushed, still in HEAD", "critical", (f) => f.pushed && f.inHead],
      ["pushed, only in history", "medium", (f) => f.pushed && !f.inHead],
      ["not pushed", "low", (f) => !f.pushed],
    ];
    byId("time-chart").parentElement.hidden = !dated.length;
    const sets = kinds.map(([label, name, test]) => ({
      label, backgroundColor: colour(name),
      data: months.map((month) => count(dated, (f) => f.seen.startsWith(month) && test(f))),
    })).filter((set) => set.data.some(Boolean));
    return bars(byId("time-chart"), months, sets, false);
  };

  const paint = () => {
    for (const chart of charts) chart.destroy();
    charts = [rulesChart(), timeChart()];
  };
  paint();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  const toPaper = (on) => {
    document.documentElement.classList.toggle("paper", on);
    paint();
  };
  window.addEventListener("beforeprint", () => toPaper(true));
  window.addEventListener("afterprint", () => toPaper(false));
})();
