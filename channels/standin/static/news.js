// Looks for news on the demo's pages, as long as somebody looks at them. Everything works without it.

// Only what is new or different is touched: what was read aloud is not read again, and focus stays. keepsFocused: an entry in which
// somebody is, stays as it is.
function mergeList(id, page, { keepsFocused = false } = {}) {
  const here = document.getElementById(id), there = page.getElementById(id);
  if (!here || !there) return;
  const kept = new Set([...there.children].map((item) => item.id));
  for (const item of [...here.children]) if (!kept.has(item.id)) item.remove();
  let place = here.firstElementChild;
  for (const item of [...there.children]) {
    const known = document.getElementById(item.id);
    if (known && known.parentElement === here) {
      const isHeld = keepsFocused && known.contains(document.activeElement);
      if (known.innerHTML !== item.innerHTML && !isHeld) known.innerHTML = item.innerHTML;
      if (known === place) place = place.nextElementSibling; else here.insertBefore(known, place);
    } else {
      here.insertBefore(document.importNode(item, true), place);
    }
  }
}

// Gives `take` the page anew, often at first and after `hurry`, seldom later. Returns how to look at once, and how to be quick again.
function followNews(take, { quickMs, calmMs, quickForMs }) {
  let busyUntil = Date.now() + quickForMs;
  let timer = 0;
  async function look() {
    clearTimeout(timer);
    try {
      const answer = await fetch(location.href);
      if (answer.ok) take(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      // The stand-in is being restarted; the next look finds it.
    }
    if (!document.hidden) timer = setTimeout(look, Date.now() < busyUntil ? quickMs : calmMs);
  }
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  timer = setTimeout(look, quickMs);
  return { look, hurry: () => { busyUntil = Date.now() + quickForMs; } };
}
