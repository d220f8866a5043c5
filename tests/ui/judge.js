// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// What a machine can judge of WCAG 2.1 AA; evaluated in the page, returns named functions.
({
  contrast: () => {
  const parse = (text) => { const n = text.match(/[\d.]+/g).map(Number); return { rgb: n.slice(0, 3), a: n[3] ?? 1 }; };
  const over = (top, under) => top.rgb.map((v, i) => v * top.a + under[i] * (1 - top.a));
  const light = (rgb) => { const [r, g, b] = rgb.map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(parse(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((under, layer) => over(layer, under), [16, 22, 28]);
  };
  const bad = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let count = 0;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || !element.checkVisibility() || element.closest(".unseen, noscript, .exercise, [inert]")) continue;
    if (element.closest(":disabled")) continue;
    const style = getComputedStyle(element);
    const behind = ground(element);
    const front = over(parse(style.color), behind);
    const [hi, lo] = [light(front), light(behind)].sort((a, b) => b - a);
    const ratio = (hi + 0.05) / (lo + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    count += 1;
    if (ratio < (large ? 3 : 4.5)) bad.push(`${ratio.toFixed(2)} ${element.className || element.tagName}: ${node.textContent.trim().slice(0, 40)}`);
  }
  return { bad, count };
},

  names: () => {
  const bad = [];
  const visible = (element) => element.checkVisibility();
  const text = (element) => element.getAttribute("aria-label")?.trim() || element.innerText?.trim() || element.querySelector("span")?.textContent?.trim() || "";
  for (const element of document.querySelectorAll("a[href], button, summary")) if (visible(element) && !text(element)) bad.push(`no name: ${element.outerHTML.slice(0, 90)}`);
  for (const field of document.querySelectorAll("input, select, textarea")) if (visible(field) && !field.labels?.length && !field.getAttribute("aria-label")) bad.push(`no label: ${field.id}`);
  for (const image of document.querySelectorAll("img")) if (!image.hasAttribute("alt")) bad.push(`no alt: ${image.src}`);
  for (const svg of document.querySelectorAll("svg")) if (svg.getAttribute("aria-hidden") !== "true") bad.push("svg speaks");
  for (const video of document.querySelectorAll("video")) if (!video.getAttribute("aria-label")) bad.push("video without a name");
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) bad.push(`twice: ${id}`);
  for (const name of ["aria-labelledby", "aria-describedby"]) for (const element of document.querySelectorAll(`[${name}]`)) for (const id of element.getAttribute(name).split(" ")) if (!document.getElementById(id)) bad.push(`${name} leads nowhere: ${id}`);
  const headings = [...document.querySelectorAll("h1, h2, h3")].filter(visible).map((element) => Number(element.tagName[1]));
  if (headings.filter((level) => level === 1).length !== 1) bad.push("not one h1");
  if (!document.documentElement.lang) bad.push("no lang");
  if (document.querySelectorAll("main").length !== 1) bad.push("not one main");
  if (document.documentElement.scrollWidth > innerWidth) bad.push(`scrolls sideways: ${document.documentElement.scrollWidth}`);
  return bad;
},

  targets: () => [...document.querySelectorAll("a[href], button, select, input, summary")]
  .filter((element) => element.checkVisibility() && !element.matches(".skip"))
  .map((element) => ({ name: element.innerText?.slice(0, 20) || element.id, box: element.getBoundingClientRect() }))
  .filter(({ box }) => box.width < 20 || box.height < 20).map(({ name }) => name),

  focus: () => {
  const element = document.activeElement;
  const style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  return { name: element.getAttribute("aria-label") || element.innerText || element.id || element.tagName,
    tag: element.tagName, ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    seen: box.bottom > 0 && box.top < innerHeight };
},
})
