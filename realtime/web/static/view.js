// The picture alone; it comes back by itself when the program does.
const picture = document.getElementById("picture");

function begin() {
  picture.src = "/stream.mjpg?" + Date.now();
}

history.replaceState(null, "", location.pathname); // the token is kept as a cookie
new EventSource("/events").addEventListener("open", () => document.hidden || begin());
document.addEventListener("visibilitychange", () => {
  if (document.hidden) picture.removeAttribute("src");
  else begin();
});
