/**
 * Runs inside of the page, as text: what only a browser knows. Returns a line for each fault: a page that scrolls sideways, a text
 * that leaves its picture, texts of a picture that touch, a text with too little contrast.
 */
export const INSPECT: string = String.raw`(() => {
  const faults = [];
  const told = (element) => JSON.stringify(element.textContent.trim().slice(0, 40));
  const wide = document.scrollingElement.scrollWidth - document.documentElement.clientWidth;
  if (wide > 0) faults.push("the page is " + wide + " px too wide");

  for (const element of document.querySelectorAll("main *")) {
    if (!element.closest(".scroll,svg") && element.getBoundingClientRect().right > document.documentElement.clientWidth + 1) faults.push(told(element) + " leaves the page");
  }

  const shown = (element) => element.checkVisibility({ visibilityProperty: true }) && element.getBoundingClientRect().width > 0;
  for (const svg of document.querySelectorAll("svg.chart")) {
    if (!shown(svg)) continue;
    const frame = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll("text")].map((text) => ({ text, box: text.getBoundingClientRect() }));
    for (const { text, box } of texts) {
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1) {
        faults.push(told(text) + " leaves its chart");
      }
      if (parseFloat(getComputedStyle(text).fontSize) * (frame.width / svg.viewBox.baseVal.width) < 10.5) faults.push(told(text) + " is too small");
    }
    texts.forEach((a, index) => {
      for (const b of texts.slice(index + 1)) {
        const width = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
        const height = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
        if (width > 0.5 && height > 2.5) faults.push(told(a.text) + " and " + told(b.text) + " touch");
      }
    });
  }

  const channels = (color) => color.match(/[\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((each) => {
      const share = each / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const groundOf = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const color = channels(getComputedStyle(each).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (walker.currentNode.data.trim() === "" || seen.has(element) || !shown(element) || element.closest("title,desc,script")) continue;
    seen.add(element);
    const style = getComputedStyle(element);
    const ink = channels(element.closest("svg") ? style.fill : style.color);
    const [light, dark] = [luminance(ink), luminance(groundOf(element))].sort((a, b) => b - a);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < 4.5) faults.push(told(element) + " has a contrast of " + contrast.toFixed(1));
  }
  return faults;
})()`;
