"use strict";
// What makes the pages quicker for those who have a script; without it all of them
// can be read and every form works.

// A part with data-live is taken over from the page as it is now when the server
// says that something has changed, but not while somebody types in it.
const live = {
  busy: false,
  again: false,
  typing: (part) => part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select") ||
    [...part.querySelectorAll("form")].some((f) => f.dataset.typed),
  async refresh() {
    if (live.busy) { live.again = true; return; }
    live.busy = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
      if (answer.status === 401) { location.reload(); return; }
      if (answer.ok) live.take(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch { /* the server is away: the event source tries again, and so do we then */ }
    live.busy = false;
    if (live.again) { live.again = false; live.refresh(); }
  },
  take(page) {
    document.title = page.title;
    document.body.dataset.written = page.body.dataset.written;
    for (const part of document.querySelectorAll("[data-live]")) {
      const now = page.getElementById(part.id);
      if (!now || now.innerHTML === part.dataset.was || live.typing(part)) continue;
      const open = [...part.querySelectorAll("details[open][id]")].map((d) => d.id);
      const ticks = new Map([...part.querySelectorAll("input[type=checkbox]")].map((c) => [c.name + " " + c.value, c.checked]));
      const at = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      part.dataset.was = now.innerHTML;
      part.replaceChildren(...now.childNodes);
      for (const id of open) document.getElementById(id)?.setAttribute("open", "");
      for (const c of part.querySelectorAll("input[type=checkbox]")) c.checked = ticks.get(c.name + " " + c.value) ?? c.checked;
      if (at) part.querySelector(`[href="${CSS.escape(at)}"]`)?.focus();
      dress(part);
    }
  },
  begin() {
    let waits, source;
    // A browser has six connections to a server without TLS: a page that nobody sees takes none.
    const listen = () => {
      source?.close();
      if (document.hidden) return;
      source = new EventSource(`/events?since=${document.body.dataset.written}`);
      source.addEventListener("changed", () => { clearTimeout(waits); waits = setTimeout(live.refresh, 150); });
    };
    setInterval(live.refresh, 60_000); // "3 minutes ago" grows older by itself
    // How far a look is changes without anything being written: it is asked for while it is shown.
    setInterval(() => { if (document.querySelector("[data-soon]") && !document.hidden) live.refresh(); }, 2_000);
    document.addEventListener("visibilitychange", () => { listen(); if (!document.hidden) live.refresh(); });
    listen();
  },
};

// Commands can be taken over with one click.
function dress(root) {
  for (const pre of root.querySelectorAll("pre[data-copy], .steps pre")) {
    if (pre.querySelector("button")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copied";
    button.textContent = "Copy";
    const text = pre.textContent;
    button.addEventListener("click", async () => {
      try { await navigator.clipboard.writeText(text); button.textContent = "Copied"; } catch { getSelection().selectAllChildren(pre); }
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    pre.append(button);
  }
  count();
}

// How many are chosen stands on the bar that acts on them.
function count() {
  for (const bar of document.querySelectorAll("[data-chosen]")) {
    const n = document.querySelectorAll("input[data-item]:checked").length;
    bar.textContent = n ? `${n} chosen` : "None chosen";
  }
}

const items = () => [...document.querySelectorAll("a[data-item]")];

function step(by) {
  const list = items();
  const at = list.findIndex((a) => a === document.activeElement || a.closest("li")?.contains(document.activeElement));
  list[Math.min(Math.max(at + by, 0), list.length - 1)]?.focus();
}

// A key opens what has it as data-key: a part with a form, a button, or a link; in a
// list, that of the item with the focus and of no other.
function act(key) {
  const has = `[data-key="${CSS.escape(key)}"]`;
  const what = document.activeElement?.closest("li")?.querySelector(has) ?? document.querySelector(`${has}:not(li *)`);
  if (!what) return false;
  if (what.tagName === "OPTION") { // of what is done for the chosen: what it still needs comes next
    const list = what.closest("select");
    list.value = what.value;
    list.closest("details").open = true;
    (what.text.includes("why") ? list.form.elements.why : list.form.querySelector("button.main")).focus();
  } else if (what.tagName === "DETAILS") {
    what.open = true;
    what.scrollIntoView({ block: "nearest" });
    const field = what.querySelector("input:not([type=hidden]), textarea, select") ?? what.querySelector("button");
    field?.focus();
    if (field?.value && field.value === field.defaultValue) field.select?.(); // a suggestion: what is typed takes its place
  } else {
    what.focus();
    what.click();
  }
  return true;
}

let gone; // whether g was pressed just before
function keys(e) {
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  if (e.target.closest("input:not([type=checkbox]), textarea, select, dialog")) {
    if (e.key === "Escape") e.target.blur();
    return;
  }
  const went = gone;
  gone = false;
  let taken = true;
  if (went) {
    const link = document.querySelector(`[data-go="${CSS.escape(e.key)}"]`);
    if (link) link.click(); else taken = false;
  } else switch (e.key) {
    case "j": step(1); break;
    case "k": step(-1); break;
    case "g": gone = true; break;
    case "x": document.activeElement?.closest("li, tr")?.querySelector("input[type=checkbox]")?.click(); break;
    case "?": document.getElementById("keys")?.showModal(); break;
    default: taken = act(e.key);
  }
  if (taken) e.preventDefault();
}

document.addEventListener("keydown", keys);
document.addEventListener("input", (e) => { if (e.target.form && e.target.type !== "checkbox") e.target.form.dataset.typed = "yes"; });
document.addEventListener("change", count);
for (const all of document.querySelectorAll("input[data-all]")) {
  all.closest("[hidden]")?.removeAttribute("hidden");
  all.addEventListener("change", () => { for (const c of document.querySelectorAll("input[data-item]")) c.checked = all.checked; count(); });
}
for (const button of document.querySelectorAll("[data-keys]")) {
  button.hidden = false;
  button.addEventListener("click", () => document.getElementById("keys").showModal());
}
// What is typed once can be looked at before it is sent. It is hidden again then, so
// that a browser remembers it as a password and not as a text.
for (const button of document.querySelectorAll("[data-show]")) {
  const field = button.parentElement.querySelector("input");
  const show = (on) => { field.type = on ? "text" : "password"; button.firstChild.data = on ? "Hide" : "Show"; };
  button.hidden = false;
  button.addEventListener("click", () => show(field.type === "password"));
  field.form.addEventListener("submit", () => show(false));
}
// A second click on the same button sends nothing twice.
document.addEventListener("submit", (e) => {
  if (e.target.dataset.sent) { e.preventDefault(); return; }
  if (e.target.method === "post") e.target.dataset.sent = "yes";
});
addEventListener("pageshow", () => { for (const f of document.forms) delete f.dataset.sent; });
// A link may lead into a part that is shut. Browsers open it; the older do not. The
// focus goes there too, when the browser has taken it to the part itself; but on a
// telephone its keyboard would cover what is known.
addEventListener("load", () => {
  const led = location.hash && document.getElementById(location.hash.slice(1))?.closest("details.act");
  if (!led) return;
  led.open = true;
  if (!matchMedia("(pointer: coarse)").matches) setTimeout(() => act(led.dataset.key));
});
for (const part of document.querySelectorAll("[data-live]")) part.dataset.was = part.innerHTML;
dress(document);
live.begin();
