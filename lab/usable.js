// What the tests ask a page, beside what axe-core knows. It is sent along with
// each question, and kept by the document that was asked first.
globalThis.lab ??= (() => {
  // luminance and contrast are those of WCAG 2.2, of colours as computed styles have them.
  const luminance = (color) => {
    const [r, g, b] = color.match(/[\d.]+/g).map((n) => n / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (light + 0.05) / (dark + 0.05);
  };

  // ground is the colour that an element stands on: in a picture that of the last
  // shape before it that lies under its middle. Our grounds let nothing through.
  const ground = (e) => {
    const picture = e.closest("svg");
    if (picture) {
      const at = e.getBoundingClientRect(), x = at.x + at.width / 2, y = at.y + at.height / 2;
      const under = [...picture.querySelectorAll("rect")].filter((r) => {
        const box = r.getBoundingClientRect();
        return r.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING && getComputedStyle(r).fill !== "none" &&
          box.left <= x && x <= box.right && box.top <= y && y <= box.bottom;
      }).pop();
      if (under) return getComputedStyle(under).fill;
      e = picture;
    }
    for (; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor;
      if (!color.startsWith("rgba")) return color;
    }
    return "rgb(255, 255, 255)"; // a browser's own
  };

  // told is a line of what axe found at an element.
  const told = (result, node, what) => `${result.id}: ${node.target.join(" ")}: ${what.replace(/\s+/g, " ").trim()}`;

  // pale says how little the text of an element stands out, "" where that is enough.
  // It is asked of what axe cannot tell: text in pictures, and signs such as ✓.
  const pale = (e) => {
    const style = getComputedStyle(e), on = ground(e), color = e instanceof SVGElement ? style.fill : style.color;
    const ratio = contrast(color, on);
    return ratio >= 4.5 ? "" : `${color} on ${on} is ${ratio.toFixed(2)}:1, want 4.5:1`;
  };

  // unstuck does something while all that stays where it is when the page is scrolled
  // has its place in the page: what it covers then, it does not cover for good. That
  // nothing is covered while it has the focus is seen at each stop.
  const unstuck = async (what) => {
    const stuck = [...document.querySelectorAll("*")].filter((e) => getComputedStyle(e).position === "sticky");
    for (const e of stuck) e.style.position = "static";
    try { return await what(); } finally { for (const e of stuck) e.style.position = ""; }
  };

  // axe returns a line for each violation, for each element of which axe cannot tell
  // and that is none by the measure above, and where no contrast was measured at all.
  const axe = async (options) => {
    const r = await unstuck(() => globalThis.axe.run(document, { ...options, resultTypes: ["violations", "incomplete"], elementRef: true, preload: false }));
    const lines = r.violations.flatMap((v) => v.nodes.map((n) => told(v, n, n.failureSummary)));
    for (const v of r.incomplete) {
      for (const n of v.nodes) {
        const what = v.id === "color-contrast" ? pale(n.element) : `axe cannot tell: ${n.failureSummary}`;
        if (what) lines.push(told(v, n, what));
      }
    }
    const { type, values } = options.runOnly, measured = [r.passes, r.violations, r.incomplete].flat().some((v) => v.id === "color-contrast");
    if ((type === "tag" || values.includes("color-contrast")) && !measured) lines.push("color-contrast: axe found no text");
    return lines;
  };

  // dark tells whether the page stands on a dark ground.
  const dark = () => luminance(ground(document.body)) < 0.18;

  // sideways lists what sticks out of the page to the right, so that it has to be
  // scrolled sideways to be read. What scrolls in a box of its own is no part of it.
  const sideways = () => {
    const page = document.scrollingElement, width = page.clientWidth;
    if (page.scrollWidth <= width) return [];
    const out = [...document.body.querySelectorAll("*")].filter((e) => {
      if (e.getBoundingClientRect().right + scrollX <= width + 0.5) return false;
      for (let p = e.parentElement; p && p !== document.body; p = p.parentElement) if (getComputedStyle(p).overflowX !== "visible") return false;
      return true;
    });
    const name = (e) => e.tagName.toLowerCase() + [...e.classList].map((c) => "." + c).join("");
    const inner = out.filter((e) => !out.some((o) => o !== e && e.contains(o)));
    return [`${page.scrollWidth} pixels wide in ${width}`].concat(inner.slice(0, 5).map((e) =>
      `${name(e.parentElement)} > ${name(e)}, to ${Math.round(e.getBoundingClientRect().right + scrollX)}: ${e.textContent.trim().slice(0, 40)}`));
  };

  // covered tells whether nothing is to be seen of an element, though it is on the
  // screen or should be. A link over several lines has a box for each.
  const covered = (e) => ![...e.getClientRects()].some((box) => [0.1, 0.5, 0.9].some((across) => [0.1, 0.5, 0.9].some((down) => {
    const hit = document.elementFromPoint(box.left + across * box.width, box.top + down * box.height);
    return hit && (e.contains(hit) || [...(e.labels ?? [])].some((l) => l.contains(hit)));
  })));

  let stops = []; // elements that had the focus since stopAnew
  const stopAnew = () => {
    const body = document.body; // the Tab key would go on from a field that had the focus
    body.tabIndex = -1;
    body.focus();
    body.blur();
    body.removeAttribute("tabindex");
    scrollTo(0, 0);
    stops = [];
  };

  // stop is what has the focus, null for nothing.
  const stop = () => {
    const e = document.activeElement;
    if (!e || e === document.body) return null;
    if (!stops.includes(e)) stops.push(e);
    const style = getComputedStyle(e);
    return {
      number: stops.indexOf(e), role: e.computedRole, name: e.computedName, covered: covered(e),
      shown: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1 && contrast(style.outlineColor, ground(e.parentElement)) >= 3,
    };
  };

  // usable is what one can do something with: where a dialog is open, in it.
  const usable = () => [...(document.querySelector("dialog:modal") ?? document).querySelectorAll("a[href], button, input, select, textarea, summary")].filter((e) =>
    e.checkVisibility({ visibilityProperty: true }) && !e.disabled && e.type !== "hidden" && e.tabIndex >= 0);

  // passedBy lists what of it has not had the focus since stopAnew. Of a group of
  // radio buttons the Tab key comes to one.
  const passedBy = () => usable().filter((e) => !stops.some((s) =>
    s === e || e.type === "radio" && s.type === "radio" && s.name === e.name && s.form === e.form)).map((e) => `${e.computedRole} ${e.computedName}`);

  // stopEach gives each of them the focus, and returns the stops.
  const stopEach = () => usable().map((e) => {
    e.focus();
    return stop();
  }).filter((s) => s);

  // unfold opens whatever can be.
  const unfold = () => { for (const d of document.querySelectorAll("details")) d.open = true; };

  return { axe, dark, sideways, stopAnew, stop, stopEach, passedBy, unfold };
})();
