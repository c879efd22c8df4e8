// Builds the controls from the program's own table of keys, and keeps them as the program has them.
import * as camera from "./camera.js";

const $ = (id) => document.getElementById(id);
const picture = $("picture");
const mine = $("mine");
const GALLERY = ["style", "next", "previous"]; // the thumbnails do these
let table = null;
let state = null;
let events = null;
let saidLast = null;
let noteUntil = 0;
let taken = false; // whether the program has taken this page's camera

history.replaceState(null, "", location.pathname); // the token is kept as a cookie

// What goes to the program

function post(order) {
  return fetch("/do", { method: "POST", body: JSON.stringify(order) }).catch(() => {});
}

const waiting = new Map(); // dial: its newest value, or null while one is on its way

async function turn(dial, value) {
  const busy = waiting.has(dial);
  waiting.set(dial, value);
  if (busy) return;
  while (waiting.get(dial) !== null) {
    const now = waiting.get(dial);
    waiting.set(dial, null);
    await post({ dial, value: now });
  }
  waiting.delete(dial);
}

function act(row, number = 1) {
  const local = { "full screen": fullScreen, help, hud: () => document.body.classList.toggle("bare") };
  if (row.local) local[row.action]();
  else post({ action: row.action, number });
}

function fullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else $("stage").requestFullscreen?.();
}

function help() {
  if ($("help").open) $("help").close();
  else $("help").showModal();
}

document.addEventListener("keydown", (event) => {
  if (!table || event.ctrlKey || event.metaKey || event.altKey) return;
  const names = { " ": "space", ArrowRight: "right", ArrowLeft: "left" };
  const plain = names[event.key] ?? event.key.toLowerCase();
  const key = event.shiftKey && /^f\d$/.test(plain) ? "shift+" + plain : plain;
  const target = event.target;
  if (target.matches("input, [role=slider]") && ["left", "right"].includes(key)) return;
  if (target.matches("button") && key === "space") return;
  for (const row of table.controls) {
    const way = row.keys.includes(key) ? 1 : row.less.includes(key) ? -1 : 0;
    if (way) {
      event.preventDefault();
      act(row, row.numbered ? Number(key.slice(-1)) - 1 : way);
    }
  }
});

// The controls

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const capital = (text) => text[0].toUpperCase() + text.slice(1);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const hint = (row) => `${capital(row.help)} (${row.shown})`;

const SCALES = {
  stroke: { to: Math.log2, from: (x) => 2 ** x, text: (v) => "× " + Number(v.toPrecision(2)) },
};
const PLAIN = { to: (v) => v, from: (x) => x, text: (v) => Math.round(v * 100) + " %" };

function slider(row) {
  const [low, high] = table.ranges[row.dial];
  const scale = SCALES[row.dial] ?? PLAIN;
  const id = "dial-" + row.dial;
  const input = element("input", { id, type: "range", min: scale.to(low), max: scale.to(high), step: 0.01 });
  const value = element("output", { for: id });
  const label = element("label", { for: id }, row.dial === "second_share" ? "Mix" : capital(row.action));
  const box = element("div", { class: "dial", title: hint(row) }, label, value, input);
  box.dial = row.dial;
  box.set = (now) => {
    value.textContent = scale.text(now);
    if (!box.held) input.value = scale.to(now);
    input.style.setProperty("--at", (100 * (input.value - input.min)) / (input.max - input.min) + "%");
  };
  input.addEventListener("input", () => {
    box.held = true;
    clearTimeout(box.timer);
    box.timer = setTimeout(() => (box.held = false), 500); // until the program has followed
    box.set(scale.from(Number(input.value)));
    turn(row.dial, scale.from(Number(input.value)));
  });
  return box;
}

function button(row) {
  const made = element("button", { type: "button", title: hint(row) }, capital(row.action));
  made.action = row.action;
  made.addEventListener("click", () => act(row));
  return made;
}

// One for each look kept: a click brings it back, a click with shift keeps this one there.
function preset(row, key, number) {
  const made = element("button", { type: "button", title: `${hint(row)}; with shift: keep this look` }, key.toUpperCase());
  made.addEventListener("click", (event) => post({ action: event.shiftKey ? "save preset" : "recall preset", number }));
  return made;
}

function buttons(row) {
  if (row.action === "save preset") return [];
  return row.action === "recall preset" ? row.keys.map((key, number) => preset(row, key, number)) : [button(row)];
}

function tile(style, number) {
  const thumb = element("img", { alt: "", loading: "lazy", width: 160, height: 120 });
  const title = [style.title, style.artist, style.year].filter(Boolean).join(", ");
  const made = element("button", { type: "button", title }, thumb, element("span", {}, style.title));
  made.addEventListener("click", () => post({ action: "style", number }));
  return made;
}

function build() {
  $("styles").replaceChildren(...table.styles.map(tile));
  const dials = table.controls.filter((row) => row.dial);
  dials.sort((one, other) => (one.dial === "second_share") - (other.dial === "second_share")); // comes and goes: last
  $("dials").replaceChildren(...dials.map(slider));
  const rest = table.controls.filter((row) => !row.dial && !row.local && !GALLERY.includes(row.action));
  const local = table.controls.filter((row) => row.local && row.action !== "hud");
  $("deeds").replaceChildren(...[...rest, ...local].flatMap(buttons));
  const rows = table.controls.map((row) => element("tr", {}, element("td", {}, row.shown), element("td", {}, row.help)));
  $("help").querySelector("table").replaceChildren(...rows);
}

function thumbs() {
  [...$("styles").children].forEach((made, number) => {
    made.querySelector("img").src = `/thumbs/${number}.jpg?${Date.now()}`;
  });
}

// What comes from the program

function update() {
  for (const box of $("dials").children) {
    box.set(box.dial === "second_share" ? state.second_share : state.look[box.dial]);
    if (box.dial === "second_share") box.hidden = state.held === null;
  }
  for (const made of $("deeds").children) {
    if (made.action in state.on) made.setAttribute("aria-pressed", state.on[made.action]);
  }
  const original = state.on.original;
  [...$("styles").children].forEach((made, number) => {
    const part = state.mix.find((one) => one.number === number);
    made.setAttribute("aria-pressed", Boolean(part) && !original);
    made.dataset.share = part && part.weight < 0.995 && !original ? Math.round(part.weight * 100) + " %" : "";
  });
  const silent = state.silent;
  $("silent").hidden = !silent;
  $("silent").querySelector("span").textContent = silent;
  $("figures").textContent = [
    state.label,
    ...state.dialled,
    state.fps ? `${state.fps} fps` : "",
    state.size.join(" × "),
    state.provider,
    state.source.replace(" x ", " × "),
  ].filter(Boolean).join("   ");
  const [number, text] = state.said;
  if (saidLast !== null && number !== saidLast && text) note(text);
  saidLast = number;
  if (state.sender === camera.id) taken = true;
  else if (taken) {
    stopCamera();
    if (state.sender) note("another page sends its camera now", 4);
  }
  place();
}

function note(text, seconds = 2) {
  $("said").textContent = text;
  noteUntil = Date.now() + seconds * 1000;
  setTimeout(() => Date.now() >= noteUntil - 20 && ($("said").textContent = ""), seconds * 1000);
}

function connect() {
  events = new EventSource("/events");
  events.addEventListener("open", async () => {
    const got = await fetch("/controls").then((reply) => reply.json(), () => null);
    if (got && JSON.stringify(got) !== JSON.stringify(table)) {
      table = got;
      build();
    }
    document.body.classList.remove("gone");
    if (!camera.active()) picture.src = "/stream.mjpg?" + Date.now();
    thumbs();
  });
  events.addEventListener("message", (event) => {
    const before = state;
    state = JSON.parse(event.data);
    if (!table) return;
    update();
    if (before && before.source.split(":")[0] !== state.source.split(":")[0]) setTimeout(thumbs, 1500);
  });
  events.addEventListener("error", () => {
    document.body.classList.add("gone");
    $("silent").hidden = false;
    $("silent").querySelector("span").textContent = "the program does not answer; trying again";
    if (events.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
  });
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    events.close();
    picture.removeAttribute("src");
  } else connect();
});
setInterval(() => document.hidden || thumbs(), 60_000);

// The picture: where it is, and what can be done on it

function shown() {
  return mine.hidden ? [picture.naturalWidth, picture.naturalHeight] : [mine.videoWidth, mine.videoHeight];
}

function place() {
  const [width, height] = shown();
  const stage = $("stage").getBoundingClientRect();
  if (!width || !height || !state) return;
  const factor = Math.min(stage.width / width, stage.height / height);
  const over = $("over").style;
  over.width = width * factor + "px";
  over.height = height * factor + "px";
  $("seam").hidden = !state.on.split;
  $("seam").style.left = 100 * state.seam + "%";
  $("seam").setAttribute("aria-valuenow", Math.round(100 * state.seam));
  const grid = state.on.grid ? state.grid : null;
  $("tiles").hidden = !grid;
  if (!grid || !table) return;
  $("tiles").style.gridTemplate = `repeat(${grid.rows}, 1fr) / repeat(${grid.columns}, 1fr)`;
  if ($("tiles").childElementCount !== table.styles.length) {
    $("tiles").replaceChildren(...table.styles.map((style, number) => {
      const made = element("button", { type: "button" }, element("span", {}, style.title));
      made.addEventListener("click", () => post({ action: "style", number }));
      return made;
    }));
  }
}

function moveSeam(event) {
  const box = $("over").getBoundingClientRect();
  const at = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  $("seam").style.left = 100 * at + "%";
  turn("seam", at);
}

$("stage").addEventListener("pointerdown", (event) => {
  if (!state?.on.split) return;
  event.preventDefault();
  moveSeam(event);
  $("stage").setPointerCapture(event.pointerId);
  $("stage").onpointermove = moveSeam;
});
for (const name of ["pointerup", "pointercancel"]) {
  $("stage").addEventListener(name, () => ($("stage").onpointermove = null));
}
$("seam").addEventListener("keydown", (event) => {
  const by = { ArrowLeft: -0.02, ArrowRight: 0.02 }[event.key];
  if (by) turn("seam", Math.min(1, Math.max(0, state.seam + by)));
});
$("stage").addEventListener("dblclick", fullScreen);
picture.addEventListener("load", place);
mine.addEventListener("resize", place);
addEventListener("resize", place);

// This page's own camera

const FIRST_PICTURE_MS = 10000; // until another connection is tried
const CONNECTIONS = 3;

async function firstPicture() {
  const patience = Date.now() + FIRST_PICTURE_MS;
  while (camera.active() && mine.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) {
    if (Date.now() > patience) return false;
    await pause(100);
  }
  return true;
}

async function startCamera() {
  $("send").disabled = true;
  try {
    await camera.start(mine, stopCamera);
    $("send").textContent = "Stop my camera";
    for (let number = 1; !(await firstPicture()); number++) {
      if (number === CONNECTIONS) throw new Error("no painted picture came back; is a firewall between this page and the program?");
      await camera.again(mine, stopCamera);
    }
    if (!camera.active()) return;
    mine.hidden = false;
    mine.play();
    picture.hidden = true;
    picture.removeAttribute("src");
  } catch (error) {
    stopCamera();
    note(error.name === "NotAllowedError" ? "the browser was not allowed to use the camera" : error.message, 6);
  } finally {
    $("send").disabled = false;
  }
}

function stopCamera() {
  taken = false;
  camera.stop();
  mine.srcObject = null;
  mine.hidden = true;
  if (picture.hidden) {
    picture.hidden = false;
    picture.src = "/stream.mjpg?" + Date.now();
  }
  $("send").textContent = "Paint my camera";
}

$("send").addEventListener("click", () => (camera.active() ? stopCamera() : startCamera()));
addEventListener("pagehide", camera.stop);

connect();
