// What the page does beyond reading: filters, copying, the numbers under the pointer, the colours.
// The rule: texts are set as text, never as markup; without this script everything is there to read.
"use strict";
const root = document.documentElement;
root.classList.add("js");
const all = (selector, from = document) => [...from.querySelectorAll(selector)];

// Colours: those of the system, until somebody presses the button.
const isDark = () => getComputedStyle(root).colorScheme === "dark" ||
  (!root.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
function remember(theme) {
  try { localStorage.setItem("asgi-liveness-theme", theme); } catch { /* not from every disk */ }
}
try {
  const theme = localStorage.getItem("asgi-liveness-theme");
  if (theme === "dark" || theme === "light") root.dataset.theme = theme;
} catch { /* as above */ }
function colours() {
  const button = document.querySelector(".theme");
  const show = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `${button.textContent} colours`);
  };
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    remember(root.dataset.theme);
    show();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  show();
}

// Copying: a page from the disk may be refused the clipboard. Then the text is selected.
function copying() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.(".copy");
    if (!button) return;
    const code = button.closest("div.commandline, figure").querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}

// The tip: at the pointer, or at the element that has the focus. Escape hides it.
let tip;
function showTip(text, x, y) {
  if (tip.textContent !== text) tip.textContent = text;
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  const left = Math.max(4, Math.min(x + 12, root.clientWidth - width - 4));
  const top = y + 20 + height < innerHeight ? y + 20 : Math.max(4, y - height - 12);
  tip.style.transform = `translate(${left}px, ${top}px)`;
}
const hideTip = () => { tip.hidden = true; };
function tips() {
  tip = document.querySelector(".tip");
  const text = (element) => element?.matches?.("summary") ? element.parentElement.open ? "" : element.nextElementSibling.textContent : element?.getAttribute("aria-label");
  const source = (target) => target.closest?.(".box, .mark, .more > summary");
  document.addEventListener("pointermove", (event) => {
    const track = event.target.closest?.(".track");
    const found = source(event.target);
    const words = track ? probeAt(track, event.clientX) : found && text(found);
    if (words) showTip(words, event.clientX, event.clientY); else hideTip();
  });
  document.addEventListener("focusin", (event) => {
    const found = source(event.target);
    if (!found || !found.matches(":focus-visible")) return hideTip();
    const box = found.getBoundingClientRect();
    if (text(found)) showTip(text(found), box.left, box.bottom - 14);
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(); });
  document.addEventListener("scroll", hideTip, { capture: true, passive: true });
}

// Probes: their numbers stand in the paths, as drawn.py writes them: a unit is a millisecond.
const tracks = new WeakMap();
function probes(track) {
  if (tracks.has(track)) return tracks.get(track);
  const found = [];
  for (const path of all(".ok, .late, .no", track)) {
    let x = 0;
    for (const [, move, early, late] of path.getAttribute("d").matchAll(/m(-?\d+) -?\d+(?:v-\d+m(\d+) 0|l(\d+)-\d+|h0)/g)) {
      const due = x + Number(move);
      const wait = Number(early ?? late ?? 0);
      found.push({ due, wait: path.classList.contains("no") ? null : wait });
      x = due + wait;
    }
  }
  found.sort((one, other) => one.due - other.due);
  if (track.dataset.more) {
    const more = JSON.parse(track.dataset.more);
    found.forEach((probe, row) => { probe.status = more.statuses[row]; probe.path = more.names[more.paths[row]]; });
  }
  tracks.set(track, found);
  return found;
}
const time = (value) => value < 1000 ? `${value} ms` : `${(value / 1000).toFixed(2)} s`;
function words(probe) {
  const answer = probe.wait === null ? "not answered" : `answered after ${time(probe.wait)}`;
  return `${probe.path ? `${probe.path} ` : ""}due at ${time(probe.due)}: ${answer}${probe.status && probe.wait !== null ? `, status ${probe.status}` : ""}`;
}
function probeAt(track, x) {
  const box = track.getBoundingClientRect();
  const view = track.viewBox.baseVal;
  const moment = view.x + (x - box.left) / box.width * view.width;
  let nearest = null;
  for (const probe of probes(track)) if (!nearest || Math.abs(probe.due - moment) < Math.abs(nearest.due - moment)) nearest = probe;
  return nearest && words(nearest);
}
function lanes() {
  for (const rows of all(".lanes .rows")) {
    const place = { lane: 0, probe: -1 };
    rows.addEventListener("keydown", (event) => {
      const found = all(".track", rows);
      const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      if (!step || !found.length || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      place.lane = Math.max(0, Math.min(found.length - 1, place.lane + step[0]));
      const track = found[place.lane];
      const list = probes(track);
      place.probe = Math.max(0, Math.min(list.length - 1, place.probe + step[1]));
      const name = track.parentElement.querySelector(".label").textContent;
      const said = list.length ? words(list[place.probe]) : "no probes";
      rows.parentElement.querySelector(".readout").textContent = `${name}: ${said}`;
      if (!list.length) return;
      const box = track.getBoundingClientRect();
      const view = track.viewBox.baseVal;
      if (box.bottom > innerHeight || box.top < 0) track.scrollIntoView({ block: "center", behavior: "instant" });
      showTip(said, box.left + (list[place.probe].due - view.x) / view.width * box.width - 12, track.getBoundingClientRect().bottom - 16);
    });
    rows.addEventListener("blur", hideTip);
  }
}

// Frames and points: one stop of the tab key for each picture, the arrow keys within it.
function roving(picture, selector) {
  const parts = all(selector, picture);
  const move = (to) => {
    for (const part of parts) part.setAttribute("tabindex", part === to ? "0" : "-1");
    to.focus();
  };
  picture.addEventListener("keydown", (event) => {
    const now = parts.indexOf(event.target.closest(selector));
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (now < 0) return;
    if (step) { event.preventDefault(); move(parts[Math.max(0, Math.min(parts.length - 1, now + step))]); }
    if (event.key === "Home") { event.preventDefault(); move(parts[0]); }
    if (event.key === "End") { event.preventDefault(); move(parts.at(-1)); }
  });
}
function flame(picture) {
  const boxes = all(".box", picture);
  const places = boxes.map((box) => [parseFloat(box.getAttribute("x")), parseFloat(box.getAttribute("width"))]);
  const zoom = (left, width) => boxes.forEach((box, row) => {
    box.setAttribute("x", `${(places[row][0] - left) / width * 100}%`);
    box.setAttribute("width", `${places[row][1] / width * 100}%`);
  });
  const widen = (box) => { const row = boxes.indexOf(box); if (row >= 0) zoom(...places[row]); };
  picture.addEventListener("click", (event) => widen(event.target.closest(".box")));
  picture.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); widen(event.target.closest(".box")); }
    if (event.key === "Escape") zoom(0, 100);
  });
}

addEventListener("DOMContentLoaded", () => {
  colours(); filters(); copying(); tips(); lanes();
  for (const picture of all(".boxes")) { roving(picture, ".box"); flame(picture); }
  for (const picture of all(".chart svg")) roving(picture, ".mark");
  if (location.hash) restore();
  addEventListener("hashchange", reveal);
});
const opened = [];
addEventListener("beforeprint", () => { showRest(); for (const fold of all("details:not([open])")) { fold.open = true; opened.push(fold); } });
addEventListener("afterprint", () => { for (const fold of opened.splice(0)) fold.open = false; });
