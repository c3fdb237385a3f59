// Looks for new mail. Everything works without it; what is being written is never touched.
(() => {
  const QUICK_MS = 1000, CALM_MS = 4000, QUICK_FOR_MS = 30000;
  const busyUntil = Date.now() + QUICK_FOR_MS;
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
        if (known.innerHTML !== item.innerHTML && !known.contains(document.activeElement)) known.innerHTML = item.innerHTML;
        if (known === place) place = place.nextElementSibling; else here.insertBefore(known, place);
      } else {
        here.insertBefore(document.importNode(item, true), place);
      }
    }
  }

  async function look() {
    clearTimeout(timer);
    try {
      const answer = await fetch(location.href);
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        merge("threads", page);
        merge("mails", page);
        const here = document.querySelector("[name=answers]"), there = page.querySelector("[name=answers]");
        if (here && there) here.value = there.value;
      }
    } catch {
      // The stand-in is being restarted; the next look finds it.
    }
    if (!document.hidden) timer = setTimeout(look, Date.now() < busyUntil ? QUICK_MS : CALM_MS);
  }

  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  timer = setTimeout(look, QUICK_MS);
})();
