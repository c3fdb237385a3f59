// Makes the phone quick: sends without leaving the page and looks for news. Everything works without it.
(() => {
  const QUICK_MS = 700, CALM_MS = 3000, QUICK_FOR_MS = 20000;
  const input = document.getElementById("body");
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

  function take(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    merge("bubbles", page);
    merge("entries", page);
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
    if (!form.matches("form.send, form.picks, form.press")) return;
    event.preventDefault();
    const data = new FormData(form, event.submitter);
    const fields = form.enctype === "multipart/form-data" ? data : new URLSearchParams(data);
    busyUntil = Date.now() + QUICK_FOR_MS;
    try {
      const answer = await fetch(form.action, { method: "POST", body: fields });
      if (!answer.ok) throw new Error(answer.status);
      take(await answer.text());
      if (form.id === "send" || fields === data) form.reset();
    } catch {
      // Without the pressed button a form says something else.
      location.reload();
      return;
    }
    input.focus();
    look();
  }

  document.addEventListener("submit", send);  // buttons to press come and go with their messages
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  timer = setTimeout(look, QUICK_MS);
})();
