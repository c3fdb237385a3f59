// Words and choices that were not sent outlive the part of the desk they stand in, whatever button is pressed and whoever hangs up.
// A form's address names its contact; what may be sent by several forms says which one's it is.

const unsent = new Map();
const fields = () => document.querySelectorAll(":is(#main, #ctx) form[action] :is(textarea, select, [type=radio])");
const addressOf = (field) => field.dataset.of ?? field.form.getAttribute("action");
const nameOf = (field) => `${addressOf(field)} ${field.name}`;

function isChanged(field) {
  if (field.type === "radio") return field.checked && !field.defaultChecked;
  if (field.tagName === "TEXTAREA") return field.value !== field.defaultValue || "unsent" in field.dataset;
  return field.value !== ([...field.options].find((one) => one.defaultSelected) ?? field.options[0])?.value;
}

// A button of the form may send it elsewhere, for one thing of it alone.
function forget({ url, form }) {
  const isWhole = form?.getAttribute("action") === url;
  const spent = isWhole ? [url, ...[...form.elements].map(addressOf)] : [url];
  for (const name of [...unsent.keys()]) if (spent.includes(name.split(" ")[0])) unsent.delete(name);
  for (const field of fields()) {
    if (field.tagName === "TEXTAREA" && spent.includes(addressOf(field))) field.value = field.defaultValue = "";
  }
}

// What the city has is not kept here any more; what it refused is.
document.addEventListener("atiende:arrived", ({ detail: arrived }) => { if (arrived) forget(arrived); });

document.addEventListener("atiende:replacing", ({ detail: arrived }) => {
  for (const field of fields()) {
    if (field.type !== "radio" || field.checked) unsent.delete(nameOf(field));
    if (isChanged(field)) unsent.set(nameOf(field), [field.value, field.selectionStart]);
  }
  if (arrived) forget(arrived);
});

document.addEventListener("atiende:replaced", () => {
  for (const field of fields()) {
    const [value, caret] = unsent.get(nameOf(field)) ?? [];
    if (value === undefined) continue;
    if (field.type === "radio") field.checked ||= field.value === value;
    else if (field.tagName === "TEXTAREA") { field.value = value; field.setSelectionRange(caret, caret); }
    else if ([...field.options].some((one) => one.value === value)) field.value = value;
  }
});
