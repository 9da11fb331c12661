/**
 * `report.html`: all that a run has shown, as one file that needs nothing else. Its policy forbids every request and every script
 * but its own, so that a text that an app chose can do nothing even if it were not escaped. Works without JavaScript.
 */

import { createHash } from "node:crypto";
import type { TuneResult } from "../../types.ts";
import { markup, trusted } from "../chart/markup.ts";
import { answer, header } from "./answer.ts";
import { machineSection, routesSection, rulesSection, samplesSection } from "./app-section.ts";
import { openLoopSection, trustSection } from "./checks-section.ts";
import { kneeSection, spreadSection } from "./knee-section.ts";
import { SCRIPT } from "./script.ts";
import { shapesSection } from "./shapes-section.ts";
import { STYLE } from "./style.ts";

/** The same result gives the same text. */
export function renderReport(result: TuneResult): string {
  const hash = createHash("sha256").update(SCRIPT).digest("base64");
  const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${hash}'; img-src data:; base-uri 'none'; form-action 'none'`;
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${trusted(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${`heddle tune: ${result.scenario.target}`}</title>
<style>${trusted(STYLE)}</style>
</head>
<body>
<main>
${[
  header(result),
  answer(result),
  kneeSection(result),
  shapesSection(result),
  spreadSection(result),
  openLoopSection(result),
  routesSection(result),
  markup`<div class="cards">${rulesSection(result)}${machineSection(result)}</div>`,
  trustSection(result),
  samplesSection(result),
].flatMap((part) => [part, trusted("\n")])}</main>
<script>${trusted(SCRIPT)}</script>
</body>
</html>
`.text;
}
