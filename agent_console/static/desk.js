// An operator's desk. Forms and links of the desk are fetched and put in place, so that a call on this page is never cut off
// by its own buttons. The parts that change by themselves come with each beat, and at once when an event says so.

const BEAT_MS = 5000;
// The stream ticks this often; and every so many beats the counts of other people's are brought too.
const TICK_MS = 10000;
const WHOLE_EVERY = 3;
const PARTS = ["presence", "strip", "mine", "pop"];
const WHOLE = [...PARTS, "main", "ctx"];

const mark = () => document.getElementById("mark");
const isMine = () => mark().dataset.standing === "mine";
const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

// ---- putting in place ----------------------------------------------------

const shown = new Map();

// What is open or focused stays so: a part that says the same as before is left alone. isOther: it is of another contact now,
// where nobody goes on with the words they were writing to the one before.
function put(id, from, always = false, isOther = false) {
  const fresh = from.getElementById(id);
  const old = document.getElementById(id);
  if (!fresh || !old) return;
  const words = fresh.outerHTML;
  if (!always && shown.get(id) === words) return;
  shown.set(id, words);
  const hasFocus = old.contains(document.activeElement) && !(isOther && isTyping(document.activeElement));
  const focused = hasFocus ? document.activeElement.id : "";
  const open = [...old.querySelectorAll("details[open][id]")].map((one) => one.id);
  const wasTyped = always ? null : old.querySelector("textarea:focus, input:focus:not([type=radio])");
  if (wasTyped) return;
  const made = document.importNode(fresh, true);
  old.replaceWith(made);
  for (const one of open) document.getElementById(one)?.setAttribute("open", "");
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  window.htmx?.process(made);
  dress(made);
}

// Whatever leads away from the desk opens beside it: the call stays here.
function dress(root) {
  if (mark().dataset.standing !== "mine") return;
  for (const link of root.querySelectorAll("a[href]:not([data-desk]):not([href^='#'])")) {
    link.target = "_blank";
    link.rel = "noopener";
  }
  for (const form of root.querySelectorAll("form:not([data-desk])")) form.target = "_blank";
}

function take(from) {
  const fresh = from.getElementById("mark");
  const before = { ...mark().dataset };
  mark().replaceWith(document.importNode(fresh, true));
  tell("atiende:now", mark().dataset.now);
  return before;
}

function ring() {
  const offer = document.querySelector("[data-offer]");
  const said = document.getElementById("ring");
  const id = offer?.dataset.offer ?? "";
  if ((said.dataset.of ?? "") === id) return;
  said.dataset.of = id;
  said.textContent = offer?.dataset.say ?? "";
  if (offer) chime();
  tell("atiende:offer", id);
}

// A sound of our own, made here: nothing to load, and unlike any other program's.
let sound = null;
function chime() {
  try {
    sound ??= new AudioContext();
    for (const [at, pitch] of [[0, 784], [0.18, 988], [0.6, 784], [0.78, 988]]) {
      const tone = sound.createOscillator();
      const volume = sound.createGain();
      tone.frequency.value = pitch;
      volume.gain.setValueAtTime(0.12, sound.currentTime + at);
      volume.gain.exponentialRampToValueAtTime(0.001, sound.currentTime + at + 0.16);
      tone.connect(volume).connect(sound.destination);
      tone.start(sound.currentTime + at);
      tone.stop(sound.currentTime + at + 0.17);
    }
  } catch {
    // Without sound the strip, the title and the announcement are left.
  }
}

// ---- asking --------------------------------------------------------------

// Only what was asked for last is put in place: an answer that comes later than the next question says what is no longer so.
let asked = 0;
let underWay = 0;
let missed = false;
// Keys that were meant for words no longer open are no commands; until a pause of this long.
const DEAF_MS = 1500;
let deafUntil = 0;

// A line that drops everything refuses nothing: what is not answered by then is given up. A change may have arrived all the same,
// so it is waited for longer.
const PATIENCE_MS = 4000;
const CHANGE_MS = 10000;

async function read(answer) {
  const text = await answer.text();
  return new DOMParser().parseFromString(text, "text/html");
}

// The desk as this address has it, in place of what is shown. form: whose words are on their way (`unsent.js`).
async function visit(url, options = {}, form = null) {
  const isChange = options.method === "POST";
  const begun = ++asked;
  underWay += 1;
  try {
    const signal = AbortSignal.timeout(isChange ? CHANGE_MS : PATIENCE_MS);
    // Whoever has scripts beats, and need not be taken for somebody there any longer than a beat says.
    const answer = await fetch(url, { credentials: "same-origin", headers: { "Atiende-Desk": "1" }, signal, ...options });
    const page = await read(answer);
    const arrived = answer.ok ? { url, form } : null;
    if (begun === asked) place(answer, page, isChange, arrived);
    else if (isChange) {
      missed = true;
      tell("atiende:arrived", arrived);
      say(page.getElementById("refused")?.textContent);
    }
  } finally {
    underWay -= 1;
    if (missed && !underWay) { missed = false; beat(); }
  }
}

function say(words = "") {
  const said = document.getElementById("said");
  if (said && words) said.textContent = words.trim();
}

function place(answer, page, isChange, arrived) {
  if (!page.getElementById("mark")) { location.assign(answer.url); return; }
  tell("atiende:replacing", arrived);
  const isOther = take(page).item !== mark().dataset.item;
  if (isOther && isTyping(document.activeElement)) deafUntil = Date.now() + DEAF_MS;
  for (const id of WHOLE) put(id, page, true, isOther);
  tell("atiende:replaced");
  document.title = page.title;
  const address = new URL(answer.url);
  const focus = address.searchParams.get("foco");
  address.searchParams.delete("foco");
  if (!answer.url.includes("/latido") && answer.ok) history.replaceState(null, "", mark().dataset.here || address);
  remember();
  const wanted = document.getElementById("refused") ?? (focus && document.getElementById(focus));
  wanted?.focus({ preventScroll: true });
  // What had the focus may be gone: the keyboard goes on from the contact, not from the top of the page.
  if ((isChange || isOther) && document.activeElement === document.body) document.getElementById("main").focus({ preventScroll: true });
  ring();
  tell("atiende:desk");
}

// The same, of somebody's key or button: what could not be asked is said, and false. No words are lost, and it may be pressed again.
let failedAt = 0;

async function go(url, options, form) {
  const failed = document.getElementById("failed");
  failed.hidden = true;
  try {
    await visit(url, options, form);
    return true;
  } catch (problem) {
    failed.textContent = problem.name === "TimeoutError" ? failed.dataset.silent : failed.dataset.down;
    failed.hidden = false;
    failedAt = Date.now();
    return false;
  }
}

// ---- is it there ---------------------------------------------------------

let beating = false;
let again = false;
// A shift that is not heard of for two beats and a little more is closed: by then whoever sits here knows why.
const CUT_MS = 8000;
let heardAt = Date.now();

function noteBeat(wasHeard) {
  if (wasHeard) heardAt = Date.now();
  if (wasHeard && heardAt - failedAt > CUT_MS) document.getElementById("failed").hidden = true;
  document.getElementById("cut").hidden = Date.now() - heardAt < CUT_MS;
}

// brief: only to say so. While events arrive, whatever is about this desk is asked for when it happens.
async function beat(brief = false) {
  if (beating) { again ||= !brief; return; }
  beating = true;
  let wasHeard = false;
  try {
    const { turn, csrf, item } = mark().dataset;
    const body = new URLSearchParams({ csrf, turno: turn || "0", contacto: item });
    if (brief) body.set("solo", "1");
    const begun = asked;
    const answer = await fetch(mark().dataset.beat, { method: "POST", body, credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE_MS) });
    wasHeard = answer.status < 500;
    // Signed out, or not of those who have a desk any more: nobody's words stay on a page that is nobody's.
    if ([401, 403, 404].includes(answer.status) || answer.redirected) { location.reload(); return; }
    if (!answer.ok || answer.status === 204) return;
    const page = await read(answer);
    if (!page.getElementById("mark")) return;
    if (begun !== asked || underWay) { missed ||= underWay > 0; return; }
    if (page.getElementById("mark").dataset.key !== mark().dataset.key) { await visit(location.href); return; }
    take(page);
    for (const id of PARTS) put(id, page);
    ring();
    tell("atiende:parts");
  } catch {
    // The line is down: the badge says since when, and the next beat tries again.
  } finally {
    beating = false;
    noteBeat(wasHeard);
    if (again) { again = false; beat(); }
  }
}

document.addEventListener("atiende:event", ({ detail: event }) => {
  const { me, item, call, threads } = mark().dataset;
  const isOurs = event.agent_id === me || (event.work_item_id && event.work_item_id === item)
    || (event.conversation_id && threads.includes(event.conversation_id))
    || (call && event.name.startsWith("call") && (call === "any" || event.call_id === call));
  // Other people's events change counts alone, which the next beat brings: six hundred desks that asked for them at each event
  // would ask five hundred times a second.
  if (event.name === "resync" || isOurs) beat();
});

// ---- one window ----------------------------------------------------------

function remember() {
  const { turn, standing } = mark().dataset;
  if (standing === "mine") sessionStorage.setItem("atiende-turn", turn);
  else if (standing === "ended" || standing === "off") sessionStorage.removeItem("atiende-turn");
}

// A copy of this window has its address too: of the two, the first acts.
const held = new Map();
function holdTurn() {
  const { turn } = mark().dataset;
  if (!isMine() || !navigator.locks) return true;
  // Asked again, a window is no copy of itself.
  if (!held.has(turn)) held.set(turn, new Promise((done) => {
    navigator.locks.request(`atiende-desk-${turn}`, { ifAvailable: true }, (lock) => {
      done(Boolean(lock));
      return lock ? new Promise(() => {}) : undefined;
    });
  }));
  return held.get(turn);
}

// ---- forms, links, keys --------------------------------------------------

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!("desk" in form.dataset) || event.defaultPrevented) return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form, event.submitter));
  // What was chosen from a menu closes it, and whoever chose it stands where they opened it.
  const menu = form.closest("details.menu");
  if (menu) { menu.open = false; menu.querySelector("summary").focus({ preventScroll: true }); }
  if (body.has("rings")) body.set("rings", "true");
  const address = event.submitter?.getAttribute("formaction") ?? form.getAttribute("action");
  try {
    await go(address, { method: "POST", body }, form);
  } finally {
    delete form.dataset.sent;
  }
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-desk]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  go(link.href);
});

const LETTERS = "atiende-letters";
const usesLetters = () => localStorage.getItem(LETTERS) !== "off";

function isTyping(target) {
  return target.closest?.("textarea, select, [contenteditable], input:not([type=radio]):not([type=checkbox])");
}

function press(...ids) {
  for (const id of ids) {
    const button = document.getElementById(id);
    if (button && !button.disabled) { button.click(); return true; }
  }
  return false;
}

const ONE_LETTER = {
  x: () => press("hang-up", "finish"),
  r: () => { const field = document.getElementById("words") ?? document.getElementById("text"); field?.focus(); return Boolean(field); },
  e: () => press("hold"),
  t: () => press("transfer"),
  g: () => press("pause-recording"),
};

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.repeat || event.getModifierState("AltGraph")) return;
  const plain = !event.ctrlKey && !event.altKey && !event.metaKey;
  let done = false;
  if (Date.now() < deafUntil && plain && event.key.length === 1 && !isTyping(event.target)) {
    deafUntil = Date.now() + DEAF_MS;
    return;
  }
  if (event.key === "F2" && plain) done = event.shiftKey ? press("decline") : press("answer", "return", "be-available", "open-shift");
  else if (event.key.toLowerCase() === "m" && event.ctrlKey && !event.altKey && !event.shiftKey) done = press("mute");
  else if (plain && !event.shiftKey && usesLetters() && !isTyping(event.target)) {
    const choice = /^[1-9]$/.test(event.key) && document.querySelectorAll("#wrap [name=disposition], #owed [name=disposition]")[event.key - 1];
    if (choice) { choice.checked = true; choice.focus(); done = true; } else done = Boolean(ONE_LETTER[event.key.toLowerCase()]?.());
  }
  if (done) event.preventDefault();
});

document.addEventListener("change", (event) => {
  if (event.target.id === "letters") localStorage.setItem(LETTERS, event.target.checked ? "on" : "off");
});

// Whom a call is passed on to: found by any part of a name or of what they do.
const folded = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
function narrow(typed, chosen = "") {
  const list = document.getElementById("pass-to");
  const sought = folded(typed).split(/\s+/).filter(Boolean);
  let first = null, seen = false;
  for (const one of list.options) {
    const words = folded(`${one.text} ${one.dataset.words ?? ""}`);
    one.hidden = !sought.every((part) => words.includes(part));
    one.disabled = one.hidden || "busy" in one.dataset;
    seen ||= !one.hidden;
    if (!one.disabled) first ??= one;
  }
  const kept = chosen && [...list.options].find((one) => one.value === chosen && !one.disabled);
  list.value = kept ? chosen : sought.length && first && !chosen ? first.value : "";
  document.getElementById("pass-none").hidden = seen;
}
document.addEventListener("input", ({ target }) => {
  if (target.id === "pass-find") narrow(target.value);
});

// While the list is open it follows who comes, goes and is taken; whoever was chosen stays chosen while they can be asked.
const PASSING_MS = 1500;
let passingAt = 0;
let passingLater = 0;
async function freshPassing() {
  const list = () => document.getElementById("pass-to");
  const isOpen = () => document.getElementById("passing")?.open && list();
  if (!isOpen() || passingLater) return;
  const wait = passingAt + PASSING_MS - Date.now();
  if (wait > 0) {
    passingLater = setTimeout(() => { passingLater = 0; freshPassing(); }, wait);
    return;
  }
  passingAt = Date.now();
  try {
    const answer = await fetch(list().dataset.fresh, { credentials: "same-origin" });
    if (!answer.ok || answer.redirected) return;
    const fresh = (await read(answer)).getElementById("pass-to");
    if (!fresh || !isOpen()) return;
    const chosen = list().value;
    list().replaceChildren(...document.importNode(fresh, true).children);
    narrow(document.getElementById("pass-find").value, chosen);
  } catch {
    // The line is down; the server refuses whoever has left in any case.
  }
}
document.addEventListener("atiende:event", ({ detail: event }) => {
  if (/^(agent|work_item)\./.test(event.name) || event.name === "resync") freshPassing();
});
document.addEventListener("keydown", (event) => {
  if (event.target.id !== "pass-find" || !["ArrowDown", "Enter"].includes(event.key)) return;
  event.preventDefault();
  if (event.key === "ArrowDown") document.getElementById("pass-to").focus();
  else document.querySelector("#passing button[value=consult]")?.click();
});
document.addEventListener("toggle", (event) => {
  if (event.target.id === "passing" && event.target.open) {
    document.getElementById("pass-find").focus();
    passingAt = 0;
    freshPassing();
  }
}, true);

function showLetters() {
  const box = document.getElementById("letters");
  if (!box) return;
  box.checked = usesLetters();
  box.closest("[data-letters]").hidden = false;
}
document.addEventListener("atiende:desk", showLetters);

// ---- begin ---------------------------------------------------------------

async function begin() {
  tell("atiende:now", mark().dataset.now);
  const kept = sessionStorage.getItem("atiende-turn");
  const hasTurn = () => /[1-9]/.test(mark().dataset.turn);
  // Until it is known there is nothing to say that it is there.
  while (kept && !hasTurn() && !(await go(`${location.pathname}?turno=${kept}`))) {
    await new Promise((later) => { setTimeout(later, BEAT_MS); });
  }
  if (!(await holdTurn())) {
    sessionStorage.removeItem("atiende-turn");
    location.replace(location.pathname);
    return;
  }
  for (const id of PARTS) {
    const part = document.getElementById(id);
    if (part) shown.set(id, part.outerHTML);
  }
  const address = new URL(location);
  const focus = address.searchParams.get("foco");
  if (focus) {
    address.searchParams.delete("foco");
    history.replaceState(null, "", address);
    document.getElementById(focus)?.focus();
  }
  dress(document);
  remember();
  showLetters();
  ring();
  tell("atiende:desk");
  await beat();
  keepBeating();
}

// A browser slows the timers of a tab out of sight to one a minute, which is longer than a desk is kept; those of a worker it lets be.
// Whichever comes first counts, so that a page whose worker does not start still beats.
function keepBeating() {
  let beats = 0;
  let beatAt = performance.now();
  const beatIfDue = () => {
    if (performance.now() - beatAt < BEAT_MS * 0.9) return;
    beatAt = performance.now();
    const isLive = Date.now() - Number(document.querySelector("[data-live]")?.dataset.heard || 0) < TICK_MS * 1.5;
    beat(isLive && ++beats % WHOLE_EVERY !== 0);
  };
  setInterval(beatIfDue, BEAT_MS);
  const timer = new Worker(document.querySelector("script[data-timer]").dataset.timer);
  timer.addEventListener("message", beatIfDue);
  timer.postMessage(BEAT_MS);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) beat(); });
}

// A turn that was opened by a button of this window is held by it from then on.
document.addEventListener("atiende:desk", holdTurn);

begin();
