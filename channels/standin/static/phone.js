// Makes the phone quick: sends without leaving the page and looks for news. Everything works without it.
(() => {
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

  function take(page) {
    mergeList("bubbles", page);
    mergeList("entries", page);
    replace("foot", page);
    replace("share", page);
  }

  const news = followNews(take, { quickMs: 700, calmMs: 3000, quickForMs: 20000 });

  async function send(event) {
    const form = event.target;
    if (!form.matches("form.send, form.picks, form.press, form.quick")) return;
    event.preventDefault();
    const data = new FormData(form, event.submitter);
    const fields = form.enctype === "multipart/form-data" ? data : new URLSearchParams(data);
    news.hurry();
    // Emptied at once: what is written next may begin before the answer is here.
    if (form.id === "send") form.reset();
    try {
      const answer = await fetch(form.action, { method: "POST", body: fields });
      if (!answer.ok) throw new Error(answer.status);
      if (fields === data) form.reset();
      take(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      // Without the pressed button a form says something else; what was written is there to be sent again.
      if (form.id === "send") form.elements.body.value = data.get("body"); else location.reload();
      return;
    }
    document.getElementById("body")?.focus();
    news.look();
  }

  document.addEventListener("submit", send);  // buttons to press come and go with their messages
})();
