// The page's own camera: sent to the program over WebRTC, shown as it comes back painted.

const START_KBIT = 2500; // browsers begin at 300 and take seconds to find more

export const id = crypto.getRandomValues(new Uint32Array(3)).join("-");
let peer = null;
let stream = null;

export function active() {
  return stream !== null;
}

export async function start(video, ended) {
  if (!navigator.mediaDevices) {
    throw new Error("A browser lends its camera only to its own machine or over https: start the program with --serve https://…");
  }
  stream = await navigator.mediaDevices.getUserMedia({
    video: { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } },
  });
  try {
    await connect(video, ended);
  } catch (error) {
    stop();
    throw error;
  }
}

// Another connection for the same camera, in place of one that brings nothing.
export async function again(video, ended) {
  peer.close();
  await connect(video, ended);
}

async function connect(video, ended) {
  const track = stream.getVideoTracks()[0];
  track.onended = ended;
  const own = (peer = new RTCPeerConnection());
  const { sender, receiver } = peer.addTransceiver(track, { direction: "sendrecv", streams: [stream] });
  if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
  peer.addEventListener("track", (event) => {
    video.srcObject = new MediaStream([event.track]);
  });
  peer.addEventListener("connectionstatechange", () => {
    const shown = video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA; // else it is tried again
    if (peer === own && own.connectionState === "failed" && shown) ended();
  });
  await peer.setLocalDescription();
  await gathered(peer);
  const { type, sdp } = peer.localDescription;
  const reply = await fetch("/camera", { method: "POST", body: JSON.stringify({ id, type, sdp }) });
  if (!reply.ok) throw new Error(await reply.text());
  const answer = await reply.json();
  answer.sdp = answer.sdp.replace(/(a=rtpmap:(\d+) VP8\/90000\r\n)/g, `$1a=fmtp:$2 x-google-start-bitrate=${START_KBIT}\r\n`);
  await peer.setRemoteDescription(answer);
  const parameters = sender.getParameters();
  parameters.degradationPreference = "maintain-resolution"; // every other size is a new one to paint at
  await sender.setParameters(parameters).catch(() => {});
}

function gathered(peer) {
  return new Promise((resolve) => {
    const done = () => peer.iceGatheringState === "complete" && resolve();
    peer.addEventListener("icegatheringstatechange", done);
    setTimeout(resolve, 2000);
    done();
  });
}

export function stop() {
  if (stream) for (const track of stream.getTracks()) track.stop();
  if (peer) {
    peer.close();
    fetch("/camera/stop", { method: "POST", body: JSON.stringify({ id }), keepalive: true }).catch(() => {});
  }
  peer = stream = null;
}
