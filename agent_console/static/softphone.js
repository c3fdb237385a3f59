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

// One device at a time, whatever comes while it is being opened: each one that is registered would be rung, and would answer.
function twilio({ token }) {
  let opening = null;
  let closed = Promise.resolve();
  let call = null;
  let isSilent = false;
  const csrf = () => document.getElementById("mark").dataset.csrf;
  async function ticket() {
    const answer = await fetch(token, { method: "POST", body: new URLSearchParams({ csrf: csrf() }), credentials: "same-origin" });
    if (!answer.ok) throw new Error(`no telephone: ${answer.status}`);
    return (await answer.json()).token;
  }
  // The operator has pressed the key already when their leg is rung; and may have asked not to be heard.
  function take(incoming) {
    call = incoming;
    incoming.on("disconnect", () => { if (call === incoming) call = null; });
    incoming.mute(isSilent);
    incoming.accept();
  }
  async function registered() {
    const device = new window.Twilio.Device(await ticket(), { closeProtection: true, codecPreferences: ["opus", "pcmu"] });
    device.on("tokenWillExpire", async () => device.updateToken(await ticket()));
    device.on("incoming", take);
    try {
      await device.register();
    } catch (problem) {
      device.destroy();
      throw problem;
    }
    return device;
  }
  return {
    canMute: true,
    open() {
      if (opening || !window.Twilio) return;
      const mine = closed.then(registered);
      opening = mine;
      // The next beat tries again.
      mine.catch(() => { if (opening === mine) opening = null; });
    },
    close() {
      if (!opening) return;
      closed = opening.then((device) => device.destroy(), () => {});
      opening = null;
    },
    say() {},
    mute(on) { isSilent = on; call?.mute(on); },
  };
}

// ---- the page ------------------------------------------------------------

const phone = place && { standin, twilio }[place.dataset.kind]?.(place.dataset);
let isMuted = false;
let ofCall = "";

function fit() {
  if (!phone) return;
  if (document.getElementById("mark").dataset.standing === "mine") phone.open();
  else phone.close();
  const call = document.querySelector("[data-call]")?.dataset.call ?? "";
  if (call && call !== ofCall) { lines.length = 0; isMuted = false; }
  ofCall = call || ofCall;
  phone.mute(isMuted);
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
