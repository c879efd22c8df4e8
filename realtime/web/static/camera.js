// The browser's own camera: sent to the program over WebRTC, received stylized.

const START_KBIT = 2500; // a second; browsers start at 300 and need seconds to raise it
const GATHERING_MS = 2000; // at most, for the addresses of this machine

export const id = crypto.getRandomValues(new Uint32Array(3)).join("-");
let peer = null;
let stream = null;

export function isActive() {
  return stream !== null;
}

export async function start(video, onEnded) {
  if (!navigator.mediaDevices) {
    throw new Error("A browser lends its camera only to its own machine or over https: start the program with --serve https://…");
  }
  stream = await navigator.mediaDevices.getUserMedia({
    video: { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } },
  });
  try {
    await connect(video, onEnded);
  } catch (error) {
    stop();
    throw error;
  }
}

// Replaces a connection that delivers nothing by a new one.
export async function reconnect(video, onEnded) {
  peer.close();
  await connect(video, onEnded);
}

async function connect(video, onEnded) {
  const track = stream.getVideoTracks()[0];
  track.onended = onEnded;
  const connection = (peer = new RTCPeerConnection());
  const { sender, receiver } = peer.addTransceiver(track, { direction: "sendrecv", streams: [stream] });
  if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
  peer.addEventListener("track", (event) => {
    video.srcObject = new MediaStream([event.track]);
  });
  peer.addEventListener("connectionstatechange", () => {
    const hasPicture = video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA; // without one, the page reconnects
    if (peer === connection && connection.connectionState === "failed" && hasPicture) onEnded();
  });
  await peer.setLocalDescription();
  await gatheringComplete(peer);
  const { type, sdp } = peer.localDescription;
  const reply = await fetch("/camera", { method: "POST", body: JSON.stringify({ id, type, sdp }) });
  if (!reply.ok) throw new Error(await reply.text());
  const answer = await reply.json();
  answer.sdp = answer.sdp.replace(/(a=rtpmap:(\d+) VP8\/90000\r\n)/g, `$1a=fmtp:$2 x-google-start-bitrate=${START_KBIT}\r\n`);
  await peer.setRemoteDescription(answer);
  const parameters = sender.getParameters();
  parameters.degradationPreference = "maintain-resolution"; // the program has to prepare each new size
  await sender.setParameters(parameters).catch(() => {});
}

function gatheringComplete(peer) {
  return new Promise((resolve) => {
    const check = () => peer.iceGatheringState === "complete" && resolve();
    peer.addEventListener("icegatheringstatechange", check);
    setTimeout(resolve, GATHERING_MS);
    check();
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
