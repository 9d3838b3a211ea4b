// Filters: the address of the page keeps them after "?", so that "#LIVE-002" stays an address.
// A browser takes a sixth of a second to lay out 700 rows: a long table is shown from its start.
const MOST = 100;
const tables = new Map();
function filters() {
  for (const form of all(".filters")) {
    const figure = form.closest("figure");
    const rows = all("tbody > tr", figure);
    const table = { form, rows, texts: null, most: MOST, rest: form.querySelector(".rest"), selects: all("select", form) };
    tables.set(figure.dataset.table, table);
    table.rest.addEventListener("click", showRest);
    show(table);
    form.addEventListener("change", () => { filter(table); keep(); });
    form.addEventListener("reset", (event) => { event.preventDefault(); clear(table); keep(); });
    form.addEventListener("submit", (event) => event.preventDefault());
  }
}
function clear(table) {
  for (const select of table.selects) select.value = "";
  filter(table);
}
function filter(table) {
  fix(table);
  show(table);
}
function show(table) {
  table.texts ??= table.selects.map((select) => table.rows.map((row) => shownText(row.cells[select.dataset.column])));
  let count = 0;
  table.rows.forEach((row, index) => {
    const wanted = table.selects.every((select, column) => !select.value || select.value.trimEnd() === `=${table.texts[column][index]}`.trimEnd());
    count += wanted;
    const isHidden = !wanted || count > table.most;
    if (row.hidden !== isHidden) row.hidden = isHidden;
  });
  const of = count === table.rows.length ? "" : `${count} of `;
  table.rest.hidden = count <= table.most;
  table.form.querySelector("output").textContent = `${of}${table.rows.length} rows${table.rest.hidden ? "" : `, the first ${table.most} shown`}`;
}
function showRest() {
  for (const table of tables.values()) {
    table.most = Infinity;
    show(table);
  }
}
function shownText(cell) {
  if (!cell) return "";
  const whole = cell.querySelector("a:not(.self), summary");
  if (whole) return whole.textContent.trimEnd();
  return [...cell.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data).join("").trimEnd();
}
function fix(table) {
  // Columns keep their widths when rows go.
  const heads = all("th", table.form.closest("figure"));
  if (table.isFixed || !heads.length) return;
  const widths = heads.map((head) => head.getBoundingClientRect().width);
  heads.forEach((head, index) => { head.style.width = head.style.minWidth = `${widths[index]}px`; });
  table.isFixed = true;
}
function keep() {
  const parts = [];
  for (const [name, table] of tables) {
    for (const select of table.selects) {
      if (select.value) parts.push(`${name}.${select.dataset.column}=${encodeURIComponent(select.value.slice(1))}`);
    }
  }
  const anchor = location.hash.slice(1).split("?")[0];
  const hash = parts.length ? `#${anchor}?${parts.join("&")}` : anchor ? `#${anchor}` : "";
  if (location.hash !== hash) history.replaceState(null, "", hash || location.pathname + location.search);
}
function restore() {
  const [anchor, state] = location.hash.slice(1).split("?");
  for (const part of (state ?? "").split("&")) {
    const found = /^(t\d+)\.(\d+)=(.*)$/.exec(part);
    const table = found && tables.get(found[1]);
    const select = table && table.selects.find((row) => row.dataset.column === found[2]);
    if (!select) continue;
    let value = "";
    try { value = `=${decodeURIComponent(found[3])}`; } catch { continue; }
    if ([...select.options].some((option) => option.value === value)) select.value = value;
    filter(table);
  }
  if (state && anchor) location.replace(`#${anchor}`); // marks the row; reveal() adds the state again
  else reveal();
}
function reveal() {
  const target = document.getElementById(location.hash.slice(1).split("?")[0]);
  for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
  if (target?.hidden) showRest();
  if (target?.hidden) for (const table of tables.values()) if (table.rows.includes(target)) clear(table);
  if (target && !location.hash.includes("?")) target.scrollIntoView();
  keep();
}
