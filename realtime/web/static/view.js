// The picture alone; it returns by itself when the program does.
const picture = document.getElementById("picture");

function startStream() {
  picture.src = "/stream.mjpg?" + Date.now();
}

history.replaceState(null, "", location.pathname); // removes the token, which is kept as a cookie
new EventSource("/events").addEventListener("open", () => document.hidden || startStream());
document.addEventListener("visibilitychange", () => {
  if (document.hidden) picture.removeAttribute("src");
  else startStream();
});
