/** Shows what a chart's strip is titled below the chart, at a touch or at the pointer: a phone shows no titles. */
export const SCRIPT: string = `
for (const figure of document.querySelectorAll("figure")) {
  if (!figure.querySelector(".strip")) continue;
  const readout = figure.querySelector(".readout");
  readout.textContent = "Point at a level, or touch it, to see its numbers.";
  const show = (event) => {
    const strip = event.target.closest?.(".strip");
    if (strip) readout.textContent = strip.querySelector("title").textContent;
  };
  figure.addEventListener("pointerover", show);
  figure.addEventListener("click", show);
}
`;
