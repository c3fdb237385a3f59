// Says again and again that this many milliseconds have passed, out of reach of what a browser does to the timers of a hidden tab.

self.addEventListener("message", ({ data }) => setInterval(() => self.postMessage(""), data));
