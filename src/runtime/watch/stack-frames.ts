/** The frames of a stack that are the user's: without this library and Node. */

const LIBRARY = new URL("../../", import.meta.url).href;
/** How a stack shows the files of CommonJS modules, and a build of this package. */
const LIBRARY_PATH = decodeURIComponent(new URL(LIBRARY).pathname);

/** Such as "worker (file:///app/main.ts:4:11)". */
export function ownFrames(stack: unknown): string[] {
  // A program's `Error.prepareStackTrace` may return anything.
  if (typeof stack !== "string") return [];
  return stack
    .split("\n")
    .filter((line) => line.startsWith("    at ") && !isForeign(line))
    .map((line) => line.slice("    at ".length).replace(/^async /, ""));
}

function isForeign(line: string): boolean {
  return line.includes(LIBRARY) || line.includes(LIBRARY_PATH) || line.includes("node:internal");
}
