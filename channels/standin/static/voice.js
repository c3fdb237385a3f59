// Makes the telephone quick: keys and words without leaving the page, what is heard as it is said, aloud if wished. Everything works
// without it.
(() => {
  const phone = () => document.getElementById("phone-state");
  const isTalking = () => ["talking", "calling", "ringing"].includes(phone().dataset.state);
  const wanted = () => { try { return localStorage.getItem("aloud") === "1"; } catch { return false; } };

  // What is heard

  const heard = new Set([...document.querySelectorAll("#bubbles li")].map((item) => item.id));
  let audio = null, music = null;

  function context() {
    audio ??= new AudioContext();
    if (audio.state === "suspended") audio.resume();
    return audio;
  }

  function tone(frequencies, at, seconds, loudness = 0.06) {
    const end = at + seconds, gain = context().createGain();
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(loudness, at + 0.02);
    gain.gain.setValueAtTime(loudness, end - 0.06);
    gain.gain.linearRampToValueAtTime(0, end);
    gain.connect(context().destination);
    return frequencies.map((frequency) => {
      const voice = context().createOscillator();
      voice.frequency.value = frequency;
      voice.connect(gain);
      voice.start(at);
      voice.stop(end);
      return voice;
    });
  }

  // A few calm notes, again and again: the music while one waits. Made here, by nobody.
  const NOTES = [261.6, 329.6, 392, 523.3, 392, 329.6, 293.7, 349.2, 440, 349.2];
  function playMusic() {
    if (music || !wanted()) return;
    let next = context().currentTime + 0.1, step = 0;
    const voices = [];
    const ahead = () => {
      while (next < context().currentTime + 1) {
        voices.push(...tone([NOTES[step % NOTES.length]], next, 0.55, 0.035));
        next += 0.5; step += 1;
      }
    };
    ahead();
    const timer = setInterval(ahead, 400);
    music = () => { clearInterval(timer); for (const voice of voices) { try { voice.stop(); } catch { /* it has ended */ } } music = null; };
  }

  function say(item) {
    if (!wanted() || !("speechSynthesis" in window)) return;
    const words = [...item.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data).join(" ").trim();
    const spoken = new SpeechSynthesisUtterance(words);
    spoken.lang = item.lang || document.documentElement.lang;
    speechSynthesis.speak(spoken);
  }

  function quiet() {
    if ("speechSynthesis" in window) speechSynthesis.cancel();
  }

  function listen() {
    for (const item of document.querySelectorAll("#bubbles li")) {
      if (heard.has(item.id)) continue;
      heard.add(item.id);
      if (item.matches(".city, .other")) say(item);
      if (wanted() && item.dataset.sound === "beep") tone([1000], context().currentTime, 0.4);
      if (wanted() && item.dataset.sound === "ring") tone([440, 480], context().currentTime, 0.5);
    }
    const isWaiting = document.querySelector("#bubbles li:last-child")?.dataset.sound === "music" && isTalking();
    if (isWaiting) playMusic(); else music?.();
    if (!isTalking()) quiet();
  }

  // How the page follows the call

  function take(page) {
    mergeList("bubbles", page);
    mergeList("entries", page);
    const here = phone(), there = page.getElementById("phone-state");
    const isOther = here.dataset.state !== there.dataset.state || here.dataset.sid !== there.dataset.sid;
    document.getElementById("line").replaceWith(document.importNode(page.getElementById("line"), true));
    const trouble = page.getElementById("trouble"), before = document.getElementById("trouble");
    if (before && !trouble) before.remove();
    if (trouble && before?.innerHTML !== trouble.innerHTML) {
      before?.remove();
      document.getElementById("thread").before(document.importNode(trouble, true));
    }
    if (isOther) {
      const controls = document.getElementById("controls"), held = controls.contains(document.activeElement) || document.activeElement === document.body;
      controls.replaceChildren(...[...page.getElementById("controls").childNodes].map((node) => document.importNode(node, true)));
      Object.assign(here.dataset, { state: there.dataset.state, sid: there.dataset.sid });
      // Where one was: at the phone, and not at something else on the page.
      if (held) (there.dataset.state === "talking" ? document.querySelector(".pad") : document.getElementById("dial"))?.focus();
      readyMic();
    }
    listen();
  }

  const news = followNews(take, { quickMs: 400, calmMs: 2500, quickForMs: 15000 });
  setInterval(() => { if (isTalking()) news.hurry(); }, 2000);
  setInterval(() => {
    const line = document.getElementById("line");
    if (phone().dataset.state !== "talking") return;
    const seconds = Number(line.dataset.seconds) + 1;
    line.dataset.seconds = seconds;
    line.textContent = line.textContent.replace(/\d+:\d\d$/, `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`);
  }, 1000);

  async function post(form, data) {
    news.hurry();
    quiet();
    try {
      const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(data) });
      if (!answer.ok) throw new Error(answer.status);
      take(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      location.reload();
      return false;
    }
    news.look();
    return true;
  }

  // What one does

  // The two tones of each key, as telephones have made them since there were keys.
  const ROWS = [697, 770, 852, 941], COLUMNS = [1209, 1336, 1477], KEYS = ["123", "456", "789", "*0#"];
  function keyTone(key) {
    if (!wanted()) return;
    const row = KEYS.findIndex((keys) => keys.includes(key));
    tone([ROWS[row], COLUMNS[KEYS[row].indexOf(key)]], context().currentTime, 0.16);
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("form.act")) return;
    event.preventDefault();
    const data = new FormData(form, event.submitter), words = document.getElementById("words");
    if (form.id === "say" && !words.value.trim()) return;
    if (event.submitter?.matches(".pad")) { keyTone(event.submitter.value); hit(event.submitter); }
    const written = form.id === "say" ? words.value : "";
    if (form.id === "say") words.value = "";
    if (!(await post(form, data)) && written) words.value = written;
  });

  function hit(button) {
    button.classList.add("hit");
    setTimeout(() => button.classList.remove("hit"), 180);
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
    const button = document.querySelector(`.pad[value="${CSS.escape(event.key)}"]`);
    if (/^[0-9*#]$/.test(event.key) && button) { event.preventDefault(); button.form.requestSubmit(button); }
  });

  // Aloud, and by voice, where the browser can

  const aloud = document.getElementById("aloud");
  document.getElementById("sounds").hidden = false;
  function show() { aloud.setAttribute("aria-pressed", String(wanted())); }
  aloud.addEventListener("click", () => {
    try { localStorage.setItem("aloud", wanted() ? "0" : "1"); } catch { return; }
    show();
    if (!wanted()) { quiet(); music?.(); return; }
    const last = [...document.querySelectorAll("#bubbles li.city")].pop();
    if (last && isTalking()) say(last);
    listen();
  });
  show();

  const Recognition = window.SpeechRecognition ?? window.webkitSpeechRecognition;
  function readyMic() {
    const mic = document.getElementById("mic");
    document.getElementById("mic-note").hidden = !(mic && Recognition);
    if (!mic || !Recognition) return;
    mic.hidden = false;
    mic.addEventListener("click", () => {
      quiet();
      const ears = new Recognition(), words = document.getElementById("words");
      ears.lang = document.documentElement.lang;
      mic.classList.add("on");
      ears.onresult = (event) => { words.value = event.results[0][0].transcript; words.form.requestSubmit(); };
      ears.onerror = () => words.focus();
      ears.onend = () => mic.classList.remove("on");
      ears.start();
    });
  }
  readyMic();
})();
