// Times that run: `data-since` counts up, `data-until` counts down. By the server's clock, whatever this machine's says.

let ahead = 0;

function words(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, "0");
  return s >= 3600 ? `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${two(Math.floor(s / 60))}:${two(s % 60)}`;
}

function tick() {
  const now = Date.now() + ahead;
  for (const place of document.querySelectorAll("[data-since]")) {
    const text = words((now - Date.parse(place.dataset.since)) / 1000);
    if (place.textContent !== text) place.textContent = text;
  }
  for (const place of document.querySelectorAll("[data-until]")) {
    const left = Math.max(0, (Date.parse(place.dataset.until) - now) / 1000);
    const number = place.querySelector("b") ?? place;
    const text = place.dataset.from ? String(Math.ceil(left)) : words(left);
    if (number.textContent !== text) number.textContent = text;
    const pie = place.querySelector(".fg");
    const whole = (Date.parse(place.dataset.until) - Date.parse(place.dataset.from ?? "")) / 1000;
    if (pie) pie.setAttribute("stroke-dasharray", `${(100 * left) / whole} 100`);
  }
}

function compare(now) {
  if (now) ahead = Date.parse(now) - Date.now();
  tick();
}

document.addEventListener("atiende:now", ({ detail }) => compare(detail));
// A part that was just brought says when it was made; its times run from the first moment.
document.addEventListener("htmx:afterSettle", ({ target }) => compare(target.dataset?.now));
compare(document.querySelector("[data-now]")?.dataset.now);

setInterval(tick, 250);
