// The elements of the controls.
import { post, setValue } from "./commands.js";

export const SECOND_SHARE = "second_share"; // the setting of the mix
const FOLLOW_MS = 500; // after a slider was moved, until it follows the program again

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const capitalize = (text) => text[0].toUpperCase() + text.slice(1);
const hint = (control) => `${capitalize(control.help)} (${control.shown})`;

// The scale of a slider: from value to position and back, and the value as text.
const SCALES = {
  stroke: { position: Math.log2, value: (x) => 2 ** x, text: (v) => "× " + Number(v.toPrecision(2)) },
};
const PERCENT = { position: (v) => v, value: (x) => x, text: (v) => Math.round(v * 100) + " %" };

export function makeSlider(control, [low, high]) {
  const { setting } = control;
  const scale = SCALES[setting] ?? PERCENT;
  const id = "slider-" + setting;
  const input = element("input", { id, type: "range", min: scale.position(low), max: scale.position(high), step: 0.01 });
  const output = element("output", { for: id });
  const label = element("label", { for: id }, setting === SECOND_SHARE ? "Mix" : capitalize(control.action));
  const box = element("div", { class: "slider", title: hint(control) }, label, output, input);
  box.setting = setting;
  box.show = (value) => {
    output.textContent = scale.text(value);
    if (!box.moving) input.value = scale.position(value);
    input.style.setProperty("--at", (100 * (input.value - input.min)) / (input.max - input.min) + "%");
  };
  input.addEventListener("input", () => {
    box.moving = true;
    clearTimeout(box.timer);
    box.timer = setTimeout(() => (box.moving = false), FOLLOW_MS);
    const value = scale.value(Number(input.value));
    box.show(value);
    setValue(setting, value);
  });
  return box;
}

function makeButton(control, execute) {
  const made = element("button", { type: "button", title: hint(control) }, capitalize(control.action));
  made.action = control.action;
  made.addEventListener("click", () => execute(control));
  return made;
}

// A click recalls the preset, a click with shift saves the present look there.
function makePresetButton(control, key, number) {
  const title = `${hint(control)}; with shift: keep this look`;
  const made = element("button", { type: "button", title }, key.toUpperCase());
  made.addEventListener("click", (event) => post({ action: event.shiftKey ? "save preset" : "recall preset", number }));
  return made;
}

export function makeButtons(control, execute) {
  if (control.action === "save preset") return [];
  if (control.action !== "recall preset") return [makeButton(control, execute)];
  return control.keys.map((key, number) => makePresetButton(control, key, number));
}

function makeStyleButton(style, number, attributes, ...children) {
  const made = element("button", { type: "button", ...attributes }, ...children, element("span", {}, style.title));
  made.addEventListener("click", () => post({ action: "style", number }));
  return made;
}

export function makeThumbnail(style, number) {
  const title = [style.title, style.artist, style.year].filter(Boolean).join(", ");
  const attributes = { title, "data-name": style.name };
  return makeStyleButton(style, number, attributes, element("img", { alt: "", loading: "lazy", width: 160, height: 120 }));
}

export function makeTile(style, number) {
  return makeStyleButton(style, number, {});
}
