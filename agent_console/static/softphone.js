// The operator's telephone: one port, two networks. Twilio carries sound; the stand-in carries what each side says as text.
// The page tells the room by its own forms; here are only the ears and the mouth.

const place = document.getElementById("softphone");
const lines = [];

function show() {
  const log = document.getElementById("heard");
  if (!log) return;
  log.replaceChildren();
  if (!lines.length) log.textContent = log.dataset.empty;
  for (const line of lines.slice(-60)) {
    const row = document.createElement("p");
    const who = document.createElement("b");
    who.textContent = line.who;
    row.className = line.css;
    row.append(who, line.text);
    log.append(row);
  }
  log.scrollTop = log.scrollHeight;
}

// ---- the stand-in --------------------------------------------------------

function standin({ url, identity, city, caller, me }) {
  const at = `${url}/clients/${identity}`;
  let source = null;
  const send = (what, body = {}) =>
    fetch(`${at}/${what}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  return {
    canMute: false,
    open() {
      if (source) return;
      source = new EventSource(`${at}/events`);
      source.addEventListener("line", (message) => {
        const { line } = JSON.parse(message.data);
        if (line.did !== "said" || !line.text) return;
        const who = { city, caller, operator: me }[line.who] ?? caller;
        lines.push({ who, text: line.text, css: line.who === "operator" ? "me" : "" });
        show();
      });
    },
    close() { source?.close(); source = null; },
    say: (words) => send("say", { words }),
    mute() {},
  };
}

// ---- Twilio --------------------------------------------------------------

function twilio({ token }) {
  let device = null;
  let call = null;
  const csrf = () => document.getElementById("mark").dataset.csrf;
  async function ticket() {
    const answer = await fetch(token, { method: "POST", body: new URLSearchParams({ csrf: csrf() }), credentials: "same-origin" });
    if (!answer.ok) throw new Error(`no telephone: ${answer.status}`);
    return (await answer.json()).token;
  }
  return {
    canMute: true,
    async open() {
      if (device || !window.Twilio) return;
      device = new window.Twilio.Device(await ticket(), { closeProtection: true, codecPreferences: ["opus", "pcmu"] });
      device.on("tokenWillExpire", async () => device?.updateToken(await ticket()));
      // The operator has pressed the key already when their leg is rung.
      device.on("incoming", (incoming) => {
        call = incoming;
        call.on("disconnect", () => { call = null; });
        call.accept();
      });
      await device.register();
    },
    close() { device?.destroy(); device = null; },
    say() {},
    mute(on) { call?.mute(on); },
  };
}

// ---- the page ------------------------------------------------------------

const phone = place && { standin, twilio }[place.dataset.kind]?.(place.dataset);
let isMuted = false;
let ofCall = "";

function fit() {
  if (!phone) return;
  if (document.getElementById("mark").dataset.standing === "mine") Promise.resolve(phone.open()).catch(() => {});
  else phone.close();
  const call = document.querySelector("[data-call]")?.dataset.call ?? "";
  if (call && call !== ofCall) { lines.length = 0; isMuted = false; }
  ofCall = call || ofCall;
  const button = document.getElementById("mute");
  if (button && phone.canMute) {
    button.hidden = false;
    button.setAttribute("aria-pressed", String(isMuted));
    button.querySelector("span").textContent = isMuted ? button.dataset.on : button.dataset.off;
  }
  show();
}

document.addEventListener("click", (event) => {
  if (!event.target.closest("#mute")) return;
  isMuted = !isMuted;
  phone?.mute(isMuted);
  fit();
});

document.addEventListener("submit", (event) => {
  if (event.target.id !== "say") return;
  event.preventDefault();
  const field = document.getElementById("words");
  const words = field.value.trim();
  if (!words) return;
  field.value = "";
  phone?.say(words);
});

document.addEventListener("atiende:desk", fit);
document.addEventListener("atiende:parts", fit);
fit();
