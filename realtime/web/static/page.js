// Builds the controls from the program's table of keys, and shows the program's state in them.
import * as camera from "./camera.js";
import { post, setValue } from "./commands.js";
import { SECOND_SHARE, element, makeButtons, makeSlider, makeThumbnail, makeTile } from "./controls.js";
import * as painting from "./painting.js";

const $ = (id) => document.getElementById(id);
const picture = $("picture");
const cameraVideo = $("camera-video");
const GALLERY_ACTIONS = ["style", "next", "previous"]; // the thumbnails stand for these
const MESSAGE_SECONDS = 2;
const RECONNECT_MS = 2000;
const THUMBNAILS_MS = 60_000; // between two updates of the thumbnails
const NEW_SOURCE_MS = 1500; // until a new source has sent frames for thumbnails
let table = null; // controls, styles and ranges
let state = null;
let events = null;
let messageCount = null; // of the message shown last
let messageUntil = 0;
let isSender = false; // whether the program receives this page's camera

history.replaceState(null, "", location.pathname); // removes the token, which is kept as a cookie

// Keys

function execute(control, number = 1) {
  const local = { "full screen": toggleFullScreen, help: toggleHelp, hud: () => document.body.classList.toggle("bare") };
  if (control.local) local[control.action]();
  else post({ action: control.action, number });
}

function toggleFullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else $("stage").requestFullscreen?.();
}

function toggleHelp() {
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
  for (const control of table.controls) {
    const direction = control.keys.includes(key) ? 1 : control.reverse_keys.includes(key) ? -1 : 0;
    if (direction) {
      event.preventDefault();
      execute(control, control.numbered ? Number(key.slice(-1)) - 1 : direction);
    }
  }
});

// The controls

function buildStyles() {
  const images = new Map([...$("styles").children].map((made) => [made.dataset.name, made.querySelector("img").src]));
  $("styles").replaceChildren(...table.styles.map(makeThumbnail));
  for (const made of $("styles").children) {
    const image = images.get(made.dataset.name);
    if (image) made.querySelector("img").src = image; // until the new one has come
  }
  $("tiles").replaceChildren();
}

function buildControls() {
  const sliders = table.controls.filter((control) => control.setting);
  const isMix = (control) => control.setting === SECOND_SHARE;
  sliders.sort((one, other) => isMix(one) - isMix(other)); // last, since it is not always shown
  $("sliders").replaceChildren(...sliders.map((control) => makeSlider(control, table.ranges[control.setting])));
  const buttons = table.controls.filter(
    (control) => !control.setting && !control.local && !GALLERY_ACTIONS.includes(control.action),
  );
  const local = table.controls.filter((control) => control.local && control.action !== "hud");
  $("actions").replaceChildren(...[...buttons, ...local].flatMap((control) => makeButtons(control, execute)));
  const rows = table.controls.map((control) =>
    element("tr", {}, element("td", {}, control.shown), element("td", {}, control.help)),
  );
  $("help").querySelector("table").replaceChildren(...rows);
}

async function loadTable() {
  const received = await fetch("/controls").then((reply) => reply.json(), () => null);
  const before = table;
  const isOther = (name) => JSON.stringify(received[name]) !== JSON.stringify(before?.[name]);
  if (received) {
    table = received;
    if (isOther("styles")) buildStyles();
    if (isOther("controls") || isOther("ranges")) buildControls();
    if (state) update();
  }
  loadThumbnails();
}

function loadThumbnails() {
  [...$("styles").children].forEach((made, number) => {
    made.querySelector("img").src = `/thumbnails/${number}.jpg?${Date.now()}`;
  });
}

// The state of the program

function update() {
  for (const box of $("sliders").children) {
    box.show(box.setting === SECOND_SHARE ? state.second_share : state.look[box.setting]);
    if (box.setting === SECOND_SHARE) box.hidden = state.second === null;
  }
  for (const made of $("actions").children) {
    if (made.action in state.active) made.setAttribute("aria-pressed", state.active[made.action]);
  }
  const original = state.active.original;
  [...$("styles").children].forEach((made, number) => {
    const part = state.mix.find((one) => one.number === number);
    made.setAttribute("aria-pressed", Boolean(part) && !original);
    made.dataset.weight = part && part.weight < 0.995 && !original ? Math.round(part.weight * 100) + " %" : "";
  });
  painting.show(state.training, $("styles").children);
  showNoSignal(state.no_signal);
  $("figures").textContent = [
    state.label,
    ...state.adjustments,
    state.fps ? `${state.fps} fps` : "",
    state.size.join(" × "),
    state.provider,
    state.source.replace(" x ", " × "),
  ].filter(Boolean).join("   ");
  const { count, text } = state.message;
  if (messageCount !== null && count !== messageCount && text) showMessage(text);
  messageCount = count;
  if (state.sender === camera.id) isSender = true;
  else if (isSender) {
    stopCamera();
    if (state.sender) showMessage("another page sends its camera now", 4);
  }
  updateOverlay();
}

function showNoSignal(reason) {
  $("no-signal").hidden = !reason;
  $("no-signal").querySelector("span").textContent = reason;
}

function showMessage(text, seconds = MESSAGE_SECONDS) {
  $("message").textContent = text;
  messageUntil = Date.now() + seconds * 1000;
  setTimeout(() => Date.now() >= messageUntil - 20 && ($("message").textContent = ""), seconds * 1000);
}

function connect() {
  events = new EventSource("/events");
  events.addEventListener("open", async () => {
    await loadTable();
    if (!camera.isActive()) startStream();
  });
  events.addEventListener("message", (event) => {
    const before = state;
    state = JSON.parse(event.data);
    if (!table) return;
    update();
    if (before && before.styles !== state.styles) loadTable();
    const sourceName = (of) => of.source.split(":")[0];
    if (before && sourceName(before) !== sourceName(state)) setTimeout(loadThumbnails, NEW_SOURCE_MS);
  });
  events.addEventListener("error", () => {
    showNoSignal("the program does not answer; trying again");
    if (events.readyState === EventSource.CLOSED) setTimeout(connect, RECONNECT_MS);
  });
}

function startStream() {
  picture.src = "/stream.mjpg?" + Date.now();
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    events.close();
    picture.removeAttribute("src");
  } else connect();
});
setInterval(() => document.hidden || loadThumbnails(), THUMBNAILS_MS);

// The overlay on the picture: the seam of the split view and the tiles of the grid

function pictureSize() {
  if (cameraVideo.hidden) return [picture.naturalWidth, picture.naturalHeight];
  return [cameraVideo.videoWidth, cameraVideo.videoHeight];
}

function updateOverlay() {
  const [width, height] = pictureSize();
  const stage = $("stage").getBoundingClientRect();
  if (!width || !height || !state) return;
  const factor = Math.min(stage.width / width, stage.height / height);
  const overlay = $("overlay").style;
  overlay.width = width * factor + "px";
  overlay.height = height * factor + "px";
  $("seam").hidden = !state.active.split;
  $("seam").style.left = 100 * state.seam + "%";
  $("seam").setAttribute("aria-valuenow", Math.round(100 * state.seam));
  const grid = state.active.grid ? state.grid : null;
  $("tiles").hidden = !grid;
  if (!grid || !table) return;
  $("tiles").style.gridTemplate = `repeat(${grid.rows}, 1fr) / repeat(${grid.columns}, 1fr)`;
  if ($("tiles").childElementCount !== table.styles.length) {
    $("tiles").replaceChildren(...table.styles.map(makeTile));
  }
}

function dragSeam(event) {
  const box = $("overlay").getBoundingClientRect();
  const seam = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  $("seam").style.left = 100 * seam + "%";
  setValue("seam", seam);
}

$("stage").addEventListener("pointerdown", (event) => {
  if (!state?.active.split) return;
  event.preventDefault();
  dragSeam(event);
  $("stage").setPointerCapture(event.pointerId);
  $("stage").onpointermove = dragSeam;
});
for (const name of ["pointerup", "pointercancel"]) {
  $("stage").addEventListener(name, () => ($("stage").onpointermove = null));
}
$("seam").addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -0.02, ArrowRight: 0.02 }[event.key];
  if (step) setValue("seam", Math.min(1, Math.max(0, state.seam + step)));
});
$("stage").addEventListener("dblclick", toggleFullScreen);
picture.addEventListener("load", updateOverlay);
cameraVideo.addEventListener("resize", updateOverlay);
addEventListener("resize", updateOverlay);

// The browser's own camera

const FIRST_PICTURE_MS = 10_000; // until a new connection is tried
const MAX_CONNECTIONS = 3;

async function firstPictureCame() {
  const deadline = Date.now() + FIRST_PICTURE_MS;
  while (camera.isActive() && cameraVideo.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) {
    if (Date.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return true;
}

async function startCamera() {
  $("camera-button").disabled = true;
  try {
    await camera.start(cameraVideo, stopCamera);
    $("camera-button").textContent = "Stop my camera";
    for (let number = 1; !(await firstPictureCame()); number++) {
      if (number === MAX_CONNECTIONS) {
        throw new Error("no painted picture came back; is a firewall between this page and the program?");
      }
      await camera.reconnect(cameraVideo, stopCamera);
    }
    if (!camera.isActive()) return;
    cameraVideo.hidden = false;
    cameraVideo.play();
    picture.hidden = true;
    picture.removeAttribute("src");
  } catch (error) {
    stopCamera();
    showMessage(error.name === "NotAllowedError" ? "the browser was not allowed to use the camera" : error.message, 6);
  } finally {
    $("camera-button").disabled = false;
  }
}

function stopCamera() {
  isSender = false;
  camera.stop();
  cameraVideo.srcObject = null;
  cameraVideo.hidden = true;
  if (picture.hidden) {
    picture.hidden = false;
    startStream();
  }
  $("camera-button").textContent = "Paint my camera";
}

$("camera-button").addEventListener("click", () => (camera.isActive() ? stopCamera() : startCamera()));
addEventListener("pagehide", camera.stop);

painting.setUp(showMessage);
connect();
