// The chat on any page of a city: one line, <script src="https://…/chat/widget.js" data-city="…" async></script>.
// A button, and a dialog that holds the chat in a frame: no style and no cookie of either page reaches the other.
(() => {
  const script = document.currentScript;
  if (!script || window.atiendeChat || !window.HTMLDialogElement || !Element.prototype.attachShadow) return;
  window.atiendeChat = true;

  const language = (script.dataset.lang || document.documentElement.lang || "es").toLowerCase();
  const words = language.startsWith("en")
    ? { open: "Chat with the city", close: "Close the chat", title: "Chat", tab: "Open in a tab of its own", one: "1 new message", many: "{n} new messages" }
    : { open: "Chatea con la ciudad", close: "Cerrar el chat", title: "Chat", tab: "Abrir en otra pestaña", one: "1 mensaje nuevo", many: "{n} mensajes nuevos" };

  const home = new URL(language.startsWith("en") ? "/en/chat" : "/chat", script.src);
  const inCity = (path) => {
    const url = new URL(home.pathname + path, home);
    if (script.dataset.city) url.searchParams.set("ciudad", script.dataset.city);
    return url.href;
  };

  const isColour = (text) => /^#[0-9a-f]{6}$/i.test(text || "");
  // Dark letters on a light colour, light ones on a dark colour.
  const lettersOn = (hex) => {
    const [r, g, b] = [1, 3, 5].map((at) => {
      const c = parseInt(hex.slice(at, at + 2), 16) / 255;
      return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#14161a" : "#fff";
  };
  const given = isColour(script.dataset.color) ? script.dataset.color : "#0c5a78";

  const CSS = `
:host{all:initial;--brand:${given};--on:${lettersOn(given)};--paper:#fdfbf7;--ink:#1c1e21;--line:#e3e0d9}
@media(prefers-color-scheme:dark){:host{--paper:#141517;--ink:#eeece8;--line:#3a3f45}}
*{box-sizing:border-box;font:600 16px/1.3 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
button,a{cursor:pointer}
svg{width:24px;height:24px;fill:currentColor;flex:none}
.go{position:fixed;right:16px;bottom:16px;z-index:2147483000;display:flex;align-items:center;gap:10px;min-height:56px;padding:12px 20px;border:2px solid var(--on);border-radius:28px;background:var(--brand);color:var(--on);box-shadow:0 4px 16px rgba(0,0,0,.28)}
.go:hover{text-decoration:underline;text-underline-offset:4px}
:focus-visible{outline:3px solid #1c1e21;outline-offset:2px;box-shadow:0 0 0 8px #ffb81c}
.n{min-width:24px;padding:2px 7px;border-radius:12px;background:#ffb81c;color:#1c1e21;font-size:14px;text-align:center}
[hidden]{display:none!important}
dialog{position:fixed;inset:auto 16px 16px auto;margin:0;padding:0;width:min(400px,calc(100vw - 32px));height:min(640px,calc(100vh - 32px));height:min(640px,calc(100dvh - 32px));max-width:none;max-height:none;overflow:hidden;border:1px solid var(--line);border-radius:16px;background:var(--paper);color:var(--ink);box-shadow:0 12px 48px rgba(0,0,0,.36)}
dialog[open]{display:flex;flex-direction:column;animation:up .18s ease-out}
dialog::backdrop{background:rgba(10,12,14,.32)}
@keyframes up{from{opacity:0;transform:translateY(12px)}}
.bar{display:flex;align-items:center;gap:2px;padding:4px 6px 4px 16px;background:var(--brand);color:var(--on)}
h2{flex:1;min-width:0;margin:0;overflow-wrap:anywhere}
.bar a,.bar button{display:flex;align-items:center;justify-content:center;width:48px;height:48px;padding:0;border:0;border-radius:10px;background:none;color:inherit}
.bar a:hover,.bar button:hover{background:rgba(127,127,127,.3)}
.bar svg{fill:none;stroke:currentColor;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}
.bar :focus-visible{outline-color:#fff;outline-offset:-3px;box-shadow:inset 0 0 0 6px #1c1e21}
iframe{flex:1;width:100%;border:0;background:var(--paper);color-scheme:light dark}
@media(max-width:480px){dialog{inset:0;width:100vw;height:100vh;height:100dvh;border:0;border-radius:0}.go{right:12px;bottom:12px}}
@media(prefers-reduced-motion:reduce){dialog[open]{animation:none}}
@media(forced-colors:active){.go,dialog{border:2px solid}}
@media print{.go{display:none}}`;

  const make = (tag, attributes, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };
  const drawn = (paths) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    for (const d of paths) {
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      path.setAttribute("d", d);
      path.setAttribute("fill-rule", "evenodd");
      svg.append(path);
    }
    return svg;
  };

  const host = make("div", { "data-atiende": "" });
  const root = host.attachShadow({ mode: "closed" });
  // A sheet made here needs no 'unsafe-inline' from the page's policy.
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(CSS);
  root.adoptedStyleSheets = [sheet];

  const count = make("span", { class: "n", hidden: "" });
  const said = make("span", {}, words.open);
  const go = make("button", { class: "go", type: "button", "aria-haspopup": "dialog", "aria-expanded": "false" },
    drawn(["M12 2a10 10 0 1 1 0 20H3a1 1 0 0 1-1-1v-9A10 10 0 0 1 12 2zm0 6a4 4 0 1 0 0 8 4 4 0 0 0 0-8z"]), said, count);
  const title = make("h2", { id: "t" }, words.title);
  const tab = make("a", { href: inCity(""), target: "_blank", rel: "noopener", "aria-label": words.tab, title: words.tab },
    drawn(["M9 5H5v14h14v-4M13 5h6v6M19 5l-9 9"]));
  const close = make("button", { type: "button", "aria-label": words.close, title: words.close }, drawn(["M6 6l12 12M18 6 6 18"]));
  const dialog = make("dialog", { "aria-labelledby": "t" }, make("div", { class: "bar" }, title, tab, close));
  root.append(go, dialog);

  let frame = null;
  let unread = 0;
  let opener = go;
  let isReady = false;
  const tell = (what) => { if (isReady) frame.contentWindow.postMessage({ atiende: what }, home.origin); };

  function showCount() {
    count.hidden = !unread;
    count.textContent = unread;
    const news = unread === 1 ? words.one : words.many.replace("{n}", unread);
    go.setAttribute("aria-label", unread ? `${words.open}. ${news}` : words.open);
  }

  function open(from) {
    opener = from;
    if (!frame) {
      frame = make("iframe", { src: inCity("/marco"), title: words.title, allow: "geolocation" });
      dialog.append(frame);
    }
    if (!dialog.open) dialog.showModal();
    go.setAttribute("aria-expanded", "true");
    unread = 0;
    showCount();
    tell("open");
    frame.focus();
  }

  dialog.addEventListener("close", () => {
    go.setAttribute("aria-expanded", "false");
    tell("closed");
    opener.focus();
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  close.addEventListener("click", () => dialog.close());
  go.addEventListener("click", () => open(go));
  // A link to the chat on the page opens it too; without this script it leads to the page of the chat.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-atiende-chat]");
    if (link) { event.preventDefault(); open(link); }
  });

  addEventListener("message", ({ origin, source, data }) => {
    if (!frame || source !== frame.contentWindow || origin !== home.origin || !data) return;
    if (data.atiende === "close") dialog.close();
    if (data.atiende === "unread" && !dialog.open) { unread += Number(data.count) || 0; showCount(); }
    if (data.atiende === "ready") {
      isReady = true;
      if (dialog.open) tell("open");
      title.textContent = frame.title = String(data.title || words.title).slice(0, 80);
      if (!script.dataset.color && isColour(data.brand) && isColour(data.on)) {
        host.style.setProperty("--brand", data.brand);
        host.style.setProperty("--on", data.on);
      }
    }
  });

  const start = () => { document.body.append(host); showCount(); };
  if (document.body) start();
  else addEventListener("DOMContentLoaded", start);
})();
