"use strict";
const fleet = JSON.parse(document.getElementById("data").textContent);
const PAGE = 50;
const MARKS = { f: ["fail", "✗"], p: ["pass", "✓"], a: ["accepted", "a"], h: ["partial", "~"], "-": ["", ""] };
const columns = [
  { title: "repository", value: (row) => row[0] },
  { title: "state", value: (row) => fleet.states[row[1]] },
  { title: "findings", value: (row) => row[2], number: true },
  { title: "seconds", value: (row) => row[3], number: true },
];
const view = { page: 0, sort: 2, down: true, words: "", only: "" };
let rows = [];

function select() {
  const words = view.words.toLowerCase();
  const column = columns[view.sort];
  rows = fleet.rows.filter((row) => (!words || row[0].toLowerCase().includes(words))
    && (!view.only || (view.only === "!" ? row[1] !== 0 : row[4].includes(view.only))));
  const sign = view.down ? -1 : 1;
  rows.sort((one, other) => {
    const [a, b] = [column.value(one), column.value(other)];
    return (column.number ? a - b : a < b ? -1 : a > b ? 1 : 0) * sign || (one[0] < other[0] ? -1 : 1);
  });
  view.page = 0;
  draw();
}

function make(name, text, kind) {
  const element = document.createElement(name);
  element.textContent = text;
  if (kind) element.className = kind;
  return element;
}

function draw() {
  const body = document.querySelector("#heat tbody");
  const last = Math.max(0, Math.ceil(rows.length / PAGE) - 1);
  view.page = Math.min(Math.max(view.page, 0), last);
  const shown = rows.slice(view.page * PAGE, (view.page + 1) * PAGE);
  body.replaceChildren(...shown.map((row) => {
    const line = document.createElement("tr");
    line.append(...columns.map((column) => make("td", String(column.value(row)))));
    [...row[4]].forEach((sign, number) => {
      const [kind, mark] = MARKS[sign];
      const cell = make("td", mark, `cell ${kind}`);
      cell.title = `${fleet.practices[number]}: ${kind || "not checked"}`;
      line.append(cell);
    });
    return line;
  }));
  document.getElementById("place").textContent = rows.length
    ? `${view.page * PAGE + 1}–${view.page * PAGE + shown.length} of ${rows.length}` : "none";
  document.getElementById("before").disabled = view.page === 0;
  document.getElementById("after").disabled = view.page === last;
}

function head() {
  const line = document.querySelector("#heat thead tr");
  columns.forEach((column, number) => {
    const button = make("button", column.title);
    button.addEventListener("click", () => {
      view.down = view.sort === number ? !view.down : Boolean(column.number);
      view.sort = number;
      select();
    });
    const cell = document.createElement("th");
    cell.append(button);
    line.append(cell);
  });
  fleet.practices.forEach((name) => line.append(make("th", name.slice(1), "cell")));
}

document.getElementById("words").addEventListener("input", (event) => { view.words = event.target.value; select(); });
document.getElementById("only").addEventListener("change", (event) => { view.only = event.target.value; select(); });
document.getElementById("before").addEventListener("click", () => { view.page -= 1; draw(); });
document.getElementById("after").addEventListener("click", () => { view.page += 1; draw(); });
head();
select();
