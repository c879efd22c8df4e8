// A painting of the user's own: dropped on the page or chosen, sent to the program, and learnt there.

const MAX_BYTES = 32 << 20;
const STAGES = {
  sending: "sending …",
  frames: "taking pictures to practise on …",
  starting: "starting …",
  finishing: "finishing …",
  stopping: "stopping …",
};
const $ = (id) => document.getElementById(id);
let shown = null; // number of the painting in the card
let isSending = false;

const hasFiles = (event) => event.dataTransfer?.types.includes("Files");

// Calls showMessage with a line when a painting is refused.
export function setUp(showMessage) {
  const picker = $("painting-file");
  const take = async (file) => {
    if (!file || isSending) return;
    const problem = await send(file);
    if (problem) showMessage(problem, 6);
  };
  picker.addEventListener("change", () => {
    take(picker.files[0]);
    picker.value = ""; // so that the same file can be chosen again
  });
  let depth = 0; // of the elements that the dragged file has entered
  const mark = (by) => {
    depth = by ? depth + by : 0;
    document.body.classList.toggle("dropping", depth > 0);
  };
  addEventListener("dragenter", (event) => hasFiles(event) && mark(1));
  addEventListener("dragleave", (event) => hasFiles(event) && mark(-1));
  addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault(); // without it the browser would leave the page for the picture
    mark(0);
    take(event.dataTransfer.files[0]);
  });
  $("training-button").addEventListener("click", () => fetch("/training/stop", { method: "POST" }).catch(() => {}));
}

// Sends the file; returns why it was refused, or "".
async function send(file) {
  if (file.size > MAX_BYTES) return `${file.name} is larger than ${MAX_BYTES >> 20} MiB`;
  isSending = true;
  $("painting-note").textContent = STAGES.sending;
  try {
    const reply = await fetch("/training?name=" + encodeURIComponent(file.name), { method: "POST", body: file });
    return reply.ok ? "" : (await reply.text()).trim();
  } catch {
    return "the program does not answer";
  } finally {
    isSending = false;
    $("painting-note").textContent = $("painting-note").dataset.text;
  }
}

function timeLeft(seconds) {
  return seconds < 90 ? `${seconds} s left` : `${Math.round(seconds / 60)} min left`;
}

// Shows the program's training, or null; tiles are those of the styles.
export function show(training, tiles) {
  for (const tile of tiles) {
    const isLearnt = training && training.name === tile.dataset.name && training.stage !== "failed";
    tile.classList.toggle("learning", Boolean(isLearnt));
    if (isLearnt) tile.style.setProperty("--learnt", `${100 * training.progress}%`);
  }
  $("painting").hidden = Boolean(training);
  $("training").hidden = !training;
  if (!training) return;
  const { name, number, stage, progress, problem } = training;
  if (number !== shown) {
    $("training-picture").src = "/training/painting.jpg?" + Date.now();
    shown = number;
  }
  const isFailed = stage === "failed";
  $("training").classList.toggle("failed", isFailed);
  $("training-name").textContent = name;
  $("training-bar").hidden = isFailed;
  if (stage === "learning" || stage === "finishing") $("training-bar").value = progress;
  else $("training-bar").removeAttribute("value");
  const percentage = `${Math.floor(100 * progress)} % · ${timeLeft(training.seconds_left)}`;
  $("training-note").textContent = isFailed ? problem : (STAGES[stage] ?? percentage);
  $("training-button").textContent = isFailed ? "Close" : "Cancel";
  $("training-button").disabled = stage === "stopping";
}
