// Makes the phone quick: sends without leaving the page and looks for news. Everything works without it.
(() => {
  const QUICK_MS = 700, CALM_MS = 3000, QUICK_FOR_MS = 20000;
  let busyUntil = Date.now() + QUICK_FOR_MS;
  let timer = 0;

  // Only what is new or different is touched: what was read aloud is not read again, and focus stays.
  function merge(id, page) {
    const here = document.getElementById(id), there = page.getElementById(id);
    if (!here || !there) return;
    const kept = new Set([...there.children].map((item) => item.id));
    for (const item of [...here.children]) if (!kept.has(item.id)) item.remove();
    let place = here.firstElementChild;
    for (const item of [...there.children]) {
      const known = document.getElementById(item.id);
      if (known && known.parentElement === here) {
        if (known.innerHTML !== item.innerHTML) known.innerHTML = item.innerHTML;
        if (known === place) place = place.nextElementSibling; else here.insertBefore(known, place);
      } else {
        here.insertBefore(document.importNode(item, true), place);
      }
    }
  }

  // A part that changes as a whole; what somebody is writing in it stays, and so does a file that was chosen.
  function replace(id, page) {
    const here = document.getElementById(id), there = page.getElementById(id);
    if (!here || !there || here.innerHTML === there.innerHTML) return;
    const written = document.getElementById("body"), focused = document.activeElement;
    if ([...here.querySelectorAll("input")].some((input) => input !== written && (input.files?.length || input === focused))) return;
    const words = written?.tagName === "INPUT" && here.contains(written) ? written.value : "", held = here.contains(focused);
    here.replaceChildren(...there.childNodes);
    const next = document.getElementById("body");
    if (words && next && next.value === "") next.value = words;
    if (held) next?.focus();
  }

  function take(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    merge("bubbles", page);
    merge("entries", page);
    replace("foot", page);
    replace("share", page);
  }

  async function look() {
    clearTimeout(timer);
    try {
      const answer = await fetch(location.href);
      if (answer.ok) take(await answer.text());
    } catch {
      // The stand-in is being restarted; the next look finds it.
    }
    if (!document.hidden) timer = setTimeout(look, Date.now() < busyUntil ? QUICK_MS : CALM_MS);
  }

  async function send(event) {
    const form = event.target;
    if (!form.matches("form.send, form.picks, form.press, form.quick")) return;
    event.preventDefault();
    const data = new FormData(form, event.submitter);
    const fields = form.enctype === "multipart/form-data" ? data : new URLSearchParams(data);
    busyUntil = Date.now() + QUICK_FOR_MS;
    // Emptied at once: what is written next may begin before the answer is here.
    if (form.id === "send") form.reset();
    try {
      const answer = await fetch(form.action, { method: "POST", body: fields });
      if (!answer.ok) throw new Error(answer.status);
      if (fields === data) form.reset();
      take(await answer.text());
    } catch {
      // Without the pressed button a form says something else; what was written is there to be sent again.
      if (form.id === "send") form.elements.body.value = data.get("body"); else location.reload();
      return;
    }
    document.getElementById("body")?.focus();
    look();
  }

  document.addEventListener("submit", send);  // buttons to press come and go with their messages
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  timer = setTimeout(look, QUICK_MS);
})();
