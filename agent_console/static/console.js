// Makes the console quick; every page works without it. Live events carry ids: htmx then asks for the fragment.

const app = document.querySelector("[data-live]");

// While an answer is under way, htmx keeps the next question with the element, which the answer then replaces: it would be gone.
function fire(selector, name) {
  for (const element of document.querySelectorAll(selector)) {
    if (element.classList.contains("htmx-request")) {
      soon(`${name} ${element.id}`, () => fire(`#${CSS.escape(element.id)}`, name));
    } else {
      window.htmx?.trigger(element, name);
    }
  }
}

// ---- what changed -------------------------------------------------------

const waiting = new Map();

// A burst (an import, a storm) asks once a second, not once an event. The random part keeps 200 consoles apart.
function soon(key, call) {
  if (waiting.has(key)) return;
  waiting.set(key, setTimeout(() => { waiting.delete(key); call(); }, 150 + Math.random() * 350));
}

function changed(event) {
  const about = event.service_request_id;
  const open = document.querySelector("[data-request]")?.dataset.request;
  const theirs = document.querySelector("[data-thread]")?.dataset.thread.split(" ");
  const isEverything = event.name === "resync";
  if (isEverything || event.name.startsWith("service_request.")) {
    soon("requests", () => fire("#arrivals", "atiende:requests"));
    soon("counts", () => fire("#views", "atiende:counts"));
    if (about) soon(`row-${about}`, () => fire(`#row-${CSS.escape(about)}`, "atiende:row"));
  }
  if (isEverything || event.name.startsWith("message.") || event.name.startsWith("conversation.")) {
    soon("threads", () => fire("#threads, #inboxviews", "atiende:threads"));
  }
  if (isEverything || event.name.startsWith("work_item.") || event.name === "agent.changed") {
    soon("line", () => fire("#team", "atiende:line"));
  }
  if (isEverything || event.name.startsWith("call")) soon("calls", () => fire("#going-on", "atiende:calls"));
  if (theirs && (isEverything || theirs.includes(event.conversation_id))) soon("case", () => fire("#head, #story", "atiende:case"));
  if (open && (isEverything || about === open || !about)) soon("case", () => fire("#head, #story", "atiende:case"));
}

// ---- how fresh the page is ----------------------------------------------

const STALE_MS = 25000;
let heardAt = 0;

function clock(ms) {
  return new Date(ms).toLocaleTimeString("es-MX", { hour12: false, timeZone: app.dataset.timezone });
}

function showFreshness() {
  const badge = document.getElementById("live");
  if (!badge || !heardAt) return;
  const isStale = Date.now() - heardAt > STALE_MS;
  badge.hidden = false;
  badge.classList.toggle("stale", isStale);
  const words = isStale ? badge.dataset.staleText : badge.dataset.liveText;
  const text = `${words} ${clock(isStale ? heardAt : Date.now())}`;
  const place = badge.querySelector(".words");
  if (place.textContent !== text) place.textContent = text;
}

function heard() {
  heardAt = Date.now();
  app.dataset.heard = heardAt;
  showFreshness();
}

// ---- one connection for all tabs ----------------------------------------
// Browsers allow six connections to a server; a stream in each tab would use them up. The tab that holds the lock listens and
// tells the others.

function listen(tell) {
  const source = new EventSource(app.dataset.live);
  source.addEventListener("tick", () => tell({ name: "tick" }));
  source.addEventListener("change", (message) => tell(JSON.parse(message.data)));
  // Whatever happened since the page was made, or while the line was down or in another tab's hands, is asked for at once.
  source.addEventListener("open", () => tell({ name: "resync" }));
  return source;
}

function take(event) {
  heard();
  if (event.name === "tick") return;
  changed(event);
  document.dispatchEvent(new CustomEvent("atiende:event", { detail: event }));
}

if (app && window.EventSource) {
  const others = window.BroadcastChannel ? new BroadcastChannel("atiende-live") : null;
  const tell = (event) => { take(event); others?.postMessage(event); };
  if (others && navigator.locks) {
    others.addEventListener("message", (message) => take(message.data));
    navigator.locks.request("atiende-live", () => new Promise(() => { listen(tell); }));
  } else {
    listen(tell);
  }
  setInterval(showFreshness, 1000);
}

// ---- focus and keys -----------------------------------------------------

// A swap that removes the focused element says where focus goes instead.
document.addEventListener("htmx:afterSettle", (event) => {
  const wanted = event.detail.requestConfig?.elt?.dataset?.focus;
  if (wanted) document.querySelector(wanted)?.focus();
  showFreshness();
});

// The newest row of "show more" gets the focus that its button had.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (!event.detail.target?.classList?.contains("next")) return;
  const before = event.detail.target.previousElementSibling;
  setTimeout(() => before?.nextElementSibling?.querySelector("a")?.focus(), 30);
});

const panes = () => [...document.querySelectorAll(".side, main, .ctx")].filter((pane) => pane.offsetParent !== null);

function nextPane(step) {
  const all = panes();
  const at = all.findIndex((pane) => pane.contains(document.activeElement));
  all[(at + step + all.length) % all.length]?.focus();
}

function moveInList(step) {
  const rows = [...document.querySelectorAll("#rows a.t, #threads a.t")];
  const at = rows.indexOf(document.activeElement);
  if (!rows.length) return false;
  if (at < 0 && document.activeElement !== document.body && !document.activeElement.matches("main")) return false;
  rows[Math.min(rows.length - 1, Math.max(0, at + step))].focus();
  return true;
}

function otherCase(step) {
  const links = [...document.querySelectorAll(".side a.q")];
  const at = links.findIndex((link) => link.getAttribute("aria-current"));
  links[at + step]?.click();
}

document.addEventListener("keydown", (event) => {
  const isArrow = event.key === "ArrowDown" || event.key === "ArrowUp";
  const step = event.key === "ArrowDown" ? 1 : -1;
  if (event.key === "F6") {
    event.preventDefault();
    nextPane(event.shiftKey ? -1 : 1);
  } else if (event.key.toLowerCase() === "k" && event.ctrlKey && !event.altKey && !event.shiftKey) {
    event.preventDefault();
    document.getElementById("find")?.select();
  } else if (event.key === "Enter" && event.ctrlKey) {
    const form = document.activeElement?.closest("form");
    if (form?.method === "post") { event.preventDefault(); form.requestSubmit(); }
  } else if (isArrow && event.altKey) {
    event.preventDefault();
    otherCase(step);
  } else if (isArrow && !event.ctrlKey && !event.shiftKey && moveInList(step)) {
    event.preventDefault();
  } else if (event.key === "Escape") {
    const menu = document.activeElement?.closest("details.menu[open]");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
  }
});

// An open menu closes when one looks elsewhere.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// Buttons that copy show themselves where there is something to copy with.
if (navigator.clipboard) {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.querySelector(button.dataset.copy).value);
      const words = button.querySelector("span");
      words.textContent = button.dataset.said;
      const said = document.getElementById("said");
      if (said) said.textContent = button.dataset.said;
    });
  }
}

// A second click while the first is on its way sends nothing.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "1";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
