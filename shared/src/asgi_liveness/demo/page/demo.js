// Draws the scenes that the demo sends. All text enters by textContent: none of it is markup.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const SHOWN = innerWidth < 800 ? 60 : 120; // probes of each lane: six or twelve seconds
const WIDTH = 10; // units of one probe
const byId = (id) => document.getElementById(id);
const lanes = new Map(), loops = new Map(), frameworks = new Map();
let drawn = "", spoken = "";

const say = (node, text) => { if (node.textContent !== text) node.textContent = text; };

function made(parent, name, text, kind) {
  const node = parent.appendChild(document.createElement(name));
  if (text) node.textContent = text;
  if (kind) node.className = kind;
  return node;
}

function send(action) { fetch(action, { method: "POST" }).catch(() => {}); }

function kept(all, key, parent, make) {
  if (!all.has(key)) all.set(key, make(parent));
  return all.get(key);
}

function mark(kind, at) {
  const x = at * WIDTH;
  if (kind === "|") return shape("rect", { class: "answered", x: x + 3, y: 4, width: 4, height: 22 });
  if (kind === ".") return shape("circle", { class: "waiting", cx: x + 5, cy: 22, r: 2.5 });
  return shape("path", { class: "missed", d: `M${x + 1.5} 11l7 8m0 -8l-7 8` });
}

function shape(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

function drawLane(lane) {
  const svg = kept(lanes, lane.path, byId("lanes"), (parent) => {
    const row = made(parent, "div", "", "lane");
    made(row, "code", lane.path);
    const attributes = { viewBox: `0 0 ${SHOWN * WIDTH} 30`, preserveAspectRatio: "none", role: "img" };
    return row.appendChild(shape("svg", attributes));
  });
  const marks = lane.marks.slice(-SHOWN), first = SHOWN - marks.length;
  svg.replaceChildren(...[...marks].map((kind, at) => mark(kind, first + at)));
  const answered = [...marks].filter((kind) => kind === "|").length;
  svg.setAttribute("aria-label", `${lane.path}: ${answered} of the last ${marks.length} probes answered`);
}

function drawLoops(scene) {
  for (const choice of scene.choices) {
    const button = kept(loops, choice.path, byId("loops"), (parent) => {
      const node = made(parent, "button");
      node.type = "button";
      node.title = choice.does;
      made(node, "kbd", choice.key);
      made(node, "code", choice.path);
      made(node, "span", "", "count");
      node.addEventListener("click", () => send(`/start/${choice.key}`));
      return node;
    });
    const found = scene.running.find((each) => each.path === choice.path);
    say(button.lastChild, found ? `${found.count} running` : "");
    button.setAttribute("aria-pressed", String(choice.path === scene.chosen));
  }
  const steps = scene.running.reduce((sum, each) => sum + each.steps, 0);
  say(byId("steps"), steps ? `${steps.toLocaleString("en")} steps of the loops` : "No loop runs.");
}

function drawFrameworks(scene) {
  for (const name of scene.frameworks) {
    const button = kept(frameworks, name, byId("frameworks"), (parent) => {
      const node = made(parent, "button", name);
      node.type = "button";
      node.addEventListener("click", () => send(`/framework/${name}`));
      return node;
    });
    button.setAttribute("aria-pressed", String(name === scene.framework));
  }
}

function drawSource(scene) {
  const held = scene.held;
  const isHere = held && held.where.includes(scene.excerpt.file);
  say(byId("held"), !held ? "No line holds the event loop."
    : held.where ? `The event loop is held at ${held.where}` : `The event loop is held: ${held.because}`);
  byId("held").className = held ? "frozen" : "";
  say(byId("does"), `${scene.chosen} ${scene.does}. ${scene.excerpt.file}`);
  const now = JSON.stringify([scene.excerpt, isHere && held.line]);
  if (now === drawn) return;
  drawn = now;
  const source = byId("source");
  source.replaceChildren();
  for (const [number, text] of scene.excerpt.lines) {
    const isHeld = isHere && number === held.line;
    const before = number ? `${isHeld ? ">" : " "} ${String(number).padStart(3)}  ` : "";
    made(source, "span", before + text, isHeld ? "line-held" : "");
  }
}

function draw(scene) {
  say(byId("title"), scene.title);
  const state = scene.state || "starting";
  byId("state").className = state;
  say(byId("state"), scene.words);
  if (state !== spoken) { // not the seconds: a screen reader would never stop
    spoken = state;
    say(byId("spoken"), scene.state ? `The app is ${scene.state}.` : scene.words);
  }
  scene.lanes.forEach(drawLane);
  drawLoops(scene);
  drawFrameworks(scene);
  drawSource(scene);
}

const events = new EventSource("/events");
events.onmessage = (event) => draw(JSON.parse(event.data));
events.onerror = () => {
  byId("state").className = "starting";
  for (const id of ["state", "spoken"]) say(byId(id), "The demo has ended, or is not reached.");
};
byId("stop").addEventListener("click", () => send("/stop"));
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (/^[1-9]$/.test(event.key)) send(`/start/${event.key}`);
  if (event.key === "s") send("/stop");
  if (event.key === "f") send("/framework");
});
