/**
 * A request in a few words, as `--path` and scenario files take it:
 *
 *     /orders                      GET
 *     POST /report=@body.json      the body is a file's
 *     POST /orders={"item": 1}     the body is JSON
 *     POST /notes=hello            the body is this text
 *
 * GET and HEAD have no body. Where the path has a query, "=" belongs to it, unless "@", "{", "[" or a quotation mark follows. A
 * `{{name}}` begins no JSON.
 */
import { readFileSync } from "node:fs";
import { extname, resolve } from "node:path";
import { HeddleError, messageOf } from "../../errors/errors.ts";
import { EXPECTED_BY_DEFAULT, type ScenarioRequest } from "./types.ts";

/** RFC 9110 §5.6.2: a method is a token. */
const METHOD = /^[A-Z][A-Z0-9!#$%&'*+.^_`|~-]*$/i;

/** Types by a body file's extension; others are sent as bytes. */
const TYPES: Readonly<Record<string, string>> = {
  ".json": "application/json",
  ".txt": "text/plain; charset=utf-8",
  ".xml": "application/xml",
  ".html": "text/html; charset=utf-8",
  ".csv": "text/csv; charset=utf-8",
};

/** `folder`: where body files are looked for; default: the working directory. @throws HeddleError TUNE_SCENARIO_BAD */
export function parsePath(text: string, folder: string = process.cwd()): ScenarioRequest {
  const words = /^\s*(?:(\S+)\s+)?(\/.*)$/s.exec(text);
  const method = (words?.[1] ?? "GET").toUpperCase();
  if (words === null || !METHOD.test(method)) {
    throw bad(
      `"${text}" is not a request: wanted a path that begins with "/", with a method before it if it is not GET`,
    );
  }
  const hasBody = method !== "GET" && method !== "HEAD";
  const [path = "", bodyText] = hasBody ? split(words[2] ?? "") : [words[2]];
  return requestOf(method, path, text, bodyText === undefined ? {} : readBody(bodyText, folder));
}

/** A method and a path that stand by themselves: no body is behind the path, whatever it holds. @throws HeddleError TUNE_SCENARIO_BAD */
export function parseMethodAndPath(method: string, path: string): ScenarioRequest {
  const { method: checked } = parsePath(`${method} /`);
  if (!/^\s*\//.test(path)) throw bad(`"${method} ${path}" is not a request: wanted a path that begins with "/"`);
  return requestOf(checked, path, `${method} ${path}`);
}

function requestOf(
  method: string,
  path: string,
  text: string,
  { body, type }: { readonly body?: Uint8Array; readonly type?: string } = {},
): ScenarioRequest {
  if (/\s/.test(path.trim())) throw bad(`"${text}" is not a request: its path has a blank; write it as %20`);
  return {
    name: `${method} ${path.trim().replace(/\?.*$/s, "")}`,
    method,
    path: path.trim(),
    weight: 1,
    headers: type === undefined ? {} : { "content-type": type },
    ...(body === undefined ? {} : { body }),
    expect: EXPECTED_BY_DEFAULT,
    capture: {},
  };
}

function split(rest: string): [path: string, bodyText?: string] {
  const isQuery = /^[^=]*\?/.test(rest);
  const end = isQuery ? rest.search(/=(?:[@["]|\{(?!\{))/) : rest.indexOf("=");
  return end === -1 ? [rest] : [rest.slice(0, end), rest.slice(end + 1)];
}

function readBody(text: string, folder: string): { body: Uint8Array; type: string } {
  if (!text.startsWith("@")) {
    const isJson = /^\s*(?:[["]|\{(?!\{))/.test(text);
    if (isJson) checkJson(text);
    return { body: Buffer.from(text), type: isJson ? "application/json" : "text/plain; charset=utf-8" };
  }
  return readBodyFile(text.slice(1), folder);
}

/** @throws HeddleError TUNE_SCENARIO_BAD */
export function readBodyFile(name: string, folder: string): { body: Uint8Array; type: string } {
  const file = resolve(folder, name);
  try {
    return { body: readFileSync(file), type: TYPES[extname(file)] ?? "application/octet-stream" };
  } catch (cause) {
    throw bad(`The body file ${file} can't be read: ${messageOf(cause)}`, cause);
  }
}

function checkJson(text: string): void {
  try {
    JSON.parse(text);
  } catch (cause) {
    throw bad(`The body ${text} begins like JSON and is none: ${messageOf(cause)}`, cause);
  }
}

function bad(message: string, cause?: unknown): HeddleError {
  return new HeddleError("TUNE_SCENARIO_BAD", `${message}.`, cause === undefined ? {} : { cause });
}
