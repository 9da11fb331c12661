/**
 * How wide a text is about, without a font: for margins and for labels that must not touch. The shares of the font size are those
 * of the sans-serif fonts of the usual systems, rounded up.
 */

const NARROW = /[ilj.,:;'|!()[\]I/ ]/;
const WIDE = /[mwMW@%…]/;
const UPPER = /[A-Z×+=~<>&]/;
const ASCII = /[\u0020-\u007e]/;

export function textWidth(text: string, fontSize: number): number {
  let ems = 0;
  for (const character of text) ems += shareOf(character);
  return ems * fontSize;
}

function shareOf(character: string): number {
  if (NARROW.test(character)) return 0.34;
  if (WIDE.test(character)) return 0.92;
  if (UPPER.test(character)) return 0.7;
  return ASCII.test(character) ? 0.64 : 1;
}
