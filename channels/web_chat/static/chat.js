// Makes the chat quick. The page works without it: this sends and shows without reloading, keeps a message until it is
// taken, listens for answers, and asks the browser where it is when somebody wants that.
(() => {
  const say = document.getElementById("say");
  if (!say || !window.fetch || !window.FormData || !window.DOMParser) return;
  const t = say.dataset;
  const isFramed = "framed" in t;
  const body = document.getElementById("body");
  const state = document.getElementById("state");
  const log = document.getElementById("log");
  const input = document.getElementById("media");
  const list = document.getElementById("files");
  const touch = window.matchMedia && matchMedia("(pointer: coarse)").matches;
  document.documentElement.classList.add("js");

  // ---- what is kept in this browser ---------------------------------------
  // A frame's store is its own for each site that embeds it. Where the browser keeps even that from it, memory has to do.

  const memory = {};
  const store = (area, name, value) => {
    const key = `atiende-chat-${name}-${t.city}`;
    try {
      if (value === undefined) return area().getItem(key) || memory[key] || "";
      if (value) area().setItem(key, value);
      else area().removeItem(key);
    } catch { /* kept in memory below */ }
    if (value === undefined) return memory[key] || "";
    memory[key] = value;
    return value;
  };
  const kept = (name, value) => store(() => localStorage, name, value);
  const ofTab = (name, value) => store(() => sessionStorage, name, value);

  let token = isFramed ? kept("token") : "";
  const headers = () => {
    const all = { "X-Chat": isFramed ? "frame" : "page" };
    if (token) all.Authorization = `Bearer ${token}`;
    return all;
  };
  // A line that died without a word would keep a call for ever.
  const within = (ms) => {
    const limit = new AbortController();
    setTimeout(() => limit.abort(), ms);
    return limit.signal;
  };
  const newId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((n) => n.toString(16).padStart(2, "0")).join("");

  // ---- showing ------------------------------------------------------------

  const thread = () => document.getElementById("thread");
  const page = () => document.scrollingElement || document.documentElement;
  const isAtEnd = () => page().scrollHeight - page().scrollTop - page().clientHeight < 160;
  const toEnd = () => { page().scrollTop = page().scrollHeight; };
  let isOpen = !isFramed;
  let isKnown = thread().children.length > 0;
  const isSeen = () => isOpen && document.visibilityState === "visible";

  function tell(text, isBad) {
    const wasAtEnd = isAtEnd();
    if (state.textContent !== text) state.textContent = text;
    state.classList.toggle("em", Boolean(isBad));
    if (wasAtEnd && thread().children.length) toEnd();
  }

  // Only what differs is touched, so that a screen reader hears new messages and nothing else, and no focus is lost.
  function show(html) {
    const next = new DOMParser().parseFromString(html, "text/html");
    const wasAtEnd = isAtEnd();
    const now = thread();
    let fresh = 0;
    let before = null;
    for (const item of [...next.getElementById("thread").children]) {
      const mine = item.dataset.cid && document.getElementById(`p-${item.dataset.cid}`);
      const old = document.getElementById(item.id) || mine;
      if (old && old.outerHTML === item.outerHTML) { before = old; continue; }
      const made = document.importNode(item, true);
      if (old) old.replaceWith(made);
      else if (before) before.after(made);
      else now.prepend(made);
      if (!old && made.classList.contains("msg") && !made.classList.contains("me")) fresh += 1;
      before = made;
    }
    for (const going of [...now.querySelectorAll(".going")]) now.append(going);
    const lost = next.getElementById("lost");
    if (lost && !document.getElementById("lost")) log.before(document.importNode(lost, true));
    options(next.getElementById("opts"));
    document.getElementById("leave").hidden = !now.children.length;
    if (fresh && isKnown && !isSeen()) unread(fresh);
    if (wasAtEnd) toEnd();
    else if (fresh) offerEnd();
    isKnown = true;
  }

  function options(next) {
    const now = document.getElementById("opts");
    const bare = (node) => node.innerHTML.replace(/name="cid" value="[^"]*"/g, "").replace(/ hidden=""/g, "");
    if (bare(now) === bare(next)) return;
    const hadFocus = now.contains(document.activeElement);
    now.replaceWith(document.importNode(next, true));
    if (hadFocus) body.focus();
    ready();
  }

  function offerEnd() {
    if (say.querySelector(".new")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "new";
    button.textContent = `↓ ${t.tNew}`;
    button.addEventListener("click", () => { toEnd(); body.focus(); });
    say.append(button);
  }
  addEventListener("scroll", () => { if (isAtEnd()) say.querySelector(".new")?.remove(); }, { passive: true });

  // ---- what is on its way -------------------------------------------------
  // One at a time and in order; each keeps its name, so that trying again never makes a second message.

  let queue = [];
  let isSending = false;
  let pause = 1000;
  const save = () => ofTab("queue", queue.some((one) => !one.files.length)
    ? JSON.stringify(queue.filter((one) => !one.files.length)) : "");

  function add(message) {
    queue.push(message);
    save();
    bubble(message);
    toEnd();
    pump();
  }

  function bubble(message) {
    const item = document.createElement("li");
    item.id = `p-${message.cid}`;
    item.className = "msg me going";
    const line = (css, text) => {
      if (!text) return;
      const part = document.createElement(css === "at" ? "small" : "span");
      part.className = css;
      part.textContent = text;
      item.append(part);
    };
    line("said", message.label || message.body);
    for (const file of message.files) line("part", `${t.tPhoto}: ${file.name}`);
    if (message.lon) line("part", t.tPlace);
    line("at", t.tSending);
    thread().append(item);
  }

  async function pump() {
    if (isSending) return;
    isSending = true;
    while (queue.length) {
      const outcome = await send(queue[0]);
      if (outcome === "later") {
        await new Promise((done) => { wake = done; setTimeout(done, pause); });
        pause = Math.min(pause * 2, 30000);
        continue;
      }
      pause = 1000;
      queue.shift();
      save();
    }
    isSending = false;
    await refresh();
    expect();
  }
  let wake = () => {};
  addEventListener("online", () => wake());

  async function send(message) {
    const form = new FormData();
    for (const name of ["cid", "body", "choice", "lon", "lat", "precision_m"]) {
      if (message[name] !== undefined) form.append(name, message[name]);
    }
    for (const file of message.files) form.append(input.name, file, file.name);
    let answer;
    try {
      const limit = message.files.length ? 180000 : 30000;
      answer = await fetch(say.action, { method: "POST", body: form, headers: headers(), signal: within(limit) });
    } catch {
      tell(t.tWaiting);
      return "later";
    }
    const said = await answer.json().catch(() => ({}));
    if (answer.ok) {
      tell("");
      if (said.token) token = kept("token", said.token);
      return "done";
    }
    tell(said.error || t.tWaiting, answer.status < 500);
    if (answer.status >= 500 || answer.status === 408) return "later";
    if (answer.status === 429) {
      pause = 1000 * Math.min(60, Number(answer.headers.get("retry-after")) || 5);
      return "later";
    }
    giveBack(message);
    return "refused";
  }

  // What was refused stands in the field again, with why.
  function giveBack(message) {
    document.getElementById(`p-${message.cid}`)?.remove();
    if (message.body && !message.choice) {
      body.value = [message.body, body.value].filter(Boolean).join("\n");
      draft();
      fit();
    }
    chosen.push(...message.files);
    showFiles();
    body.focus();
  }

  // ---- the form -----------------------------------------------------------

  const first = say.elements.cid;
  const draft = () => ofTab("draft", body.value);
  if (!body.value) body.value = ofTab("draft");
  const fit = () => {
    body.style.height = "";
    body.style.height = `${body.scrollHeight + body.offsetHeight - body.clientHeight}px`;
  };
  body.addEventListener("input", () => { draft(); fit(); });
  body.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing && (event.ctrlKey || (!event.shiftKey && !touch))) {
      event.preventDefault();
      submit();
    }
  });

  function takeId() {
    const cid = first.value;
    first.value = newId();
    return cid;
  }

  function submit() {
    const text = body.value.trim();
    if (!text && !chosen.length) {
      tell(t.tEmpty, true);
      body.focus();
      return;
    }
    tell("");
    const files = chosen;
    chosen = [];
    showFiles();
    body.value = "";
    draft();
    fit();
    add({ cid: takeId(), body: text, files });
    body.focus();
  }
  say.addEventListener("submit", (event) => { event.preventDefault(); submit(); });

  log.addEventListener("click", (event) => {
    const choice = event.target.closest("button[name=choice]");
    if (!choice) return;
    event.preventDefault();
    const label = choice.querySelector("span").firstChild.textContent.trim();
    document.getElementById("opts").replaceChildren();
    add({ cid: takeId(), choice: choice.value, label, files: [] });
    body.focus();
  });

  // ---- photos -------------------------------------------------------------
  // A photo is sent in the size a screen shows: a slow line carries it in seconds. One that the browser cannot draw goes as it is.

  let chosen = [];
  const SIDE = 2048;

  async function smaller(file) {
    if (file.size < 700000 || !window.createImageBitmap) return file;
    try {
      const drawn = await createImageBitmap(file, { imageOrientation: "from-image" });
      const scale = Math.min(1, SIDE / Math.max(drawn.width, drawn.height));
      const canvas = document.createElement("canvas");
      canvas.width = Math.round(drawn.width * scale);
      canvas.height = Math.round(drawn.height * scale);
      canvas.getContext("2d").drawImage(drawn, 0, 0, canvas.width, canvas.height);
      const made = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
      return made && made.size < file.size ? new File([made], file.name, { type: "image/jpeg" }) : file;
    } catch { return file; }
  }

  function showFiles() {
    list.replaceChildren(...chosen.map((file, at) => {
      const item = document.createElement("li");
      const name = document.createElement("span");
      const drop = document.createElement("button");
      name.textContent = file.name;
      drop.type = "button";
      drop.textContent = "×";
      drop.setAttribute("aria-label", t.tDrop.replace("{name}", file.name));
      drop.addEventListener("click", () => { chosen.splice(at, 1); showFiles(); input.focus(); });
      item.append(name, drop);
      return item;
    }));
  }

  input?.addEventListener("change", async () => {
    const files = [...input.files];
    input.value = "";
    for (const file of files) chosen.push(await smaller(file));
    showFiles();
    body.focus();
  });

  // ---- the place ----------------------------------------------------------

  function ready() {
    if (!navigator.geolocation || !window.isSecureContext) return;
    for (const button of document.querySelectorAll(".here")) button.hidden = false;
  }
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".here")) return;
    tell(t.tLocating);
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        tell("");
        add({
          cid: takeId(), files: [], lon: coords.longitude, lat: coords.latitude, precision_m: Math.round(coords.accuracy),
        });
        body.focus();
      },
      () => { tell(t.tNoPlace, true); body.focus(); },
      { enableHighAccuracy: true, timeout: 15000, maximumAge: 60000 },
    );
  });

  // ---- answers ------------------------------------------------------------

  let isAsking = false;
  let askAgain = false;
  async function refresh() {
    if (isAsking) { askAgain = true; return false; }
    isAsking = true;
    let waits = false;
    try {
      const url = new URL(t.thread, location.href);
      if (isSeen()) url.searchParams.set("visto", "1");
      const answer = await fetch(url, { headers: headers(), signal: within(15000) });
      if (answer.ok) {
        const said = await answer.json();
        if (said.is_lost && token) token = kept("token", "");
        show(said.html);
        waits = said.waits;
        if (!queue.length && state.textContent === t.tWaiting) tell("");
      }
    } catch { /* the next round asks again */ }
    isAsking = false;
    if (askAgain) { askAgain = false; return refresh(); }
    return waits;
  }

  // After a message an answer is near: asked for a few times, whatever becomes of the stream.
  async function expect() {
    listen();
    for (const wait of [700, 1500, 3000, 6000, 12000]) {
      await new Promise((done) => setTimeout(done, wait));
      if (queue.length || !(await refresh())) return;
    }
  }

  let stream = null;
  let heardAt = 0;
  async function listen() {
    stream?.abort();
    const mine = (stream = new AbortController());
    let wait = 1000;
    while (!mine.signal.aborted) {
      heardAt = Date.now();
      try {
        const answer = await fetch(t.live, { headers: headers(), signal: mine.signal });
        if (answer.status === 403 || answer.status === 404) return;
        if (!answer.ok || !answer.body) throw new Error("no stream");
        await refresh();
        const reader = answer.body.getReader();
        const text = new TextDecoder();
        let rest = "";
        for (;;) {
          const { value, done } = await reader.read();
          if (done) break;
          heardAt = Date.now();
          wait = 1000;
          rest += text.decode(value, { stream: true });
          const frames = rest.split("\n\n");
          rest = frames.pop();
          if (frames.some((frame) => frame.startsWith("event: change"))) await refresh();
        }
      } catch { /* tried again below */ }
      if (mine.signal.aborted) return;
      await new Promise((done) => setTimeout(done, wait * (0.75 + Math.random() / 2)));
      wait = Math.min(wait * 2, 30000);
    }
  }
  // The net below the stream.
  setInterval(() => {
    const silence = Date.now() - heardAt;
    if (stream && silence > 45000) listen(); // it ticks every 10 seconds
    else if (thread().children.length && isSeen() && silence > 20000) refresh();
  }, 10000);
  document.addEventListener("visibilitychange", () => { if (isSeen() && thread().children.length) refresh(); });

  // ---- in a frame ---------------------------------------------------------

  const up = (message) => { if (isFramed && parent !== window) parent.postMessage({ atiende: message.kind, ...message }, "*"); };
  const unread = (count) => up({ kind: "unread", count });
  if (isFramed) {
    addEventListener("message", ({ source, data }) => {
      if (source !== parent || !data) return;
      if (data.atiende === "open") { isOpen = true; toEnd(); (touch ? log : body).focus(); refresh(); }
      if (data.atiende === "closed") isOpen = false;
    });
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") up({ kind: "close" }); });
    const style = getComputedStyle(document.documentElement);
    up({ kind: "ready", title: t.title, brand: style.getPropertyValue("--brand").trim(), on: style.getPropertyValue("--on-brand").trim() });
  }

  document.addEventListener("submit", (event) => {
    if (event.target.id !== "leave") return;
    token = kept("token", "");
    ofTab("draft", "");
    ofTab("queue", "");
    if (!isFramed) return;
    event.preventDefault();
    fetch(event.target.action, { method: "POST", body: new FormData(), headers: headers() }).finally(() => location.reload());
  });

  // ---- begin --------------------------------------------------------------

  ready();
  try { queue = JSON.parse(ofTab("queue") || "[]"); } catch { queue = []; }
  queue.forEach(bubble);
  if (queue.length) pump();
  else if (token || thread().children.length) listen();
  if (thread().children.length) toEnd();
})();
