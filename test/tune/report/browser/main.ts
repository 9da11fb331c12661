/**
 * `npm run test:report`: the pages of all fixtures in a real browser, on a phone and on a desk, light and dark, with and without
 * JavaScript. Exits with 1 if a page scrolls sideways, a text of a chart touches another or leaves its picture, a text has too little
 * contrast, the page asks for another file, or a text of the app does anything.
 *
 * The pictures lie in the folder that is given (`npm run test:report -- pictures --only cliff,hostile`), or in one for temporary files.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { count } from "../../../../src/errors/count.ts";
import { renderReport } from "../../../../src/tune/report/page/page.ts";
import { all } from "../fixtures/results.ts";
import { Browser, findChromium } from "./chromium.ts";
import { INSPECT } from "./inspect.ts";

const { values, positionals } = parseArgs({ options: { only: { type: "string" } }, allowPositionals: true });
const only = values.only?.split(",");
const results = Object.entries(all).filter(([name]) => only?.includes(name) ?? true);

const DEVICES = {
  phone: { width: 375, height: 812, deviceScaleFactor: 2, mobile: true },
  tablet: { width: 768, height: 1024, deviceScaleFactor: 1, mobile: true },
  desk: { width: 1280, height: 900, deviceScaleFactor: 1, mobile: false },
} as const;

const folder = resolve(positionals[0] ?? join(tmpdir(), "heddle-report"));
mkdirSync(folder, { recursive: true });
const browser = await Browser.start(findChromium());
let faults = 0;
try {
  for (const [name, result] of results) {
    const file = join(folder, `${name}.html`);
    writeFileSync(file, renderReport(result));
    for (const device of Object.keys(DEVICES) as (keyof typeof DEVICES)[]) {
      for (const scheme of ["light", "dark"]) await look(name, file, device, scheme, true);
    }
    await look(name, file, "phone", "light", false);
  }
} finally {
  await browser.close();
}
console.log(faults === 0 ? `no faults; pictures in ${folder}` : `${count(faults, "fault")}; pictures in ${folder}`);
if (faults > 0) process.exitCode = 1;

async function look(
  name: string,
  file: string,
  device: keyof typeof DEVICES,
  scheme: string,
  hasScript: boolean,
): Promise<void> {
  const seen = browser.events.length;
  await browser.send("Emulation.setScriptExecutionDisabled", { value: !hasScript });
  await browser.send("Emulation.setDeviceMetricsOverride", DEVICES[device]);
  await browser.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
  await browser.open(pathToFileURL(file).href);
  const found = [...(await inspected()), ...complaints(seen)];
  for (const fault of found) console.log(`${name}, ${device}, ${scheme}${hasScript ? "" : ", no script"}: ${fault}`);
  faults += found.length;
  await picture(`${name}-${device}-${scheme}${hasScript ? "" : "-no-script"}.png`);
}

/** With closed and with open details. */
async function inspected(): Promise<string[]> {
  const closed = await browser.evaluate<string[]>(INSPECT);
  await browser.evaluate(`document.querySelectorAll("details").forEach((each) => { each.open = true; })`);
  const open = await browser.evaluate<string[]>(INSPECT);
  await browser.evaluate(`document.querySelectorAll("details").forEach((each) => { each.open = false; })`);
  return [...new Set([...closed, ...open])];
}

/** A request for anything but the page, an error, a dialog. */
function complaints(from: number): string[] {
  return browser.events.slice(from).flatMap(({ method, params }) => {
    if (method === "Network.requestWillBeSent") {
      const { url } = (params as { readonly request: { readonly url: string } }).request;
      return url.startsWith("file:") || url.startsWith("data:") ? [] : [`asks for ${url}`];
    }
    const bad = ["Runtime.exceptionThrown", "Log.entryAdded", "Page.javascriptDialogOpening"];
    return bad.includes(method ?? "") ? [`${method} ${JSON.stringify(params)}`] : [];
  });
}

async function picture(name: string): Promise<void> {
  const { cssContentSize } = await browser.send("Page.getLayoutMetrics");
  const { width, height } = cssContentSize as { readonly width: number; readonly height: number };
  const { data } = await browser.send("Page.captureScreenshot", {
    captureBeyondViewport: true,
    clip: { x: 0, y: 0, width, height, scale: 1 },
  });
  writeFileSync(join(folder, name), Buffer.from(String(data), "base64"));
}
