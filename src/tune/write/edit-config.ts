/** The text of a config file with the recommendation in it. Pure. */

import { configObject, type ConfigObject, type Field, objectAt } from "./object-fields.ts";

/** Values as they are written into the file: numbers, strings and plain objects of them. */
export type ConfigFields = Readonly<Record<string, unknown>>;

/** A field that the file has already, with another value. */
export interface Conflict {
  readonly name: string;
  /** As the user wrote it. */
  readonly was: string;
  readonly becomes: string;
}

export type Edit =
  | { readonly kind: "edited"; readonly text: string; readonly conflicts: readonly Conflict[] }
  /** The file has all of it. */
  | { readonly kind: "unchanged" }
  /** The text is not one that can be edited. */
  | { readonly kind: "unknown-form" };

/** A file for a project that has none. */
export function newConfig(fields: ConfigFields): string {
  return `import { defineConfig } from "heddle";\n\nexport default defineConfig({\n${linesOf(fields)}});\n`;
}

/** The same for a project in which heddle is not installed: `npx heddle`, or one for the whole machine. */
export function newConfigWithoutImport(fields: ConfigFields): string {
  return `export default {\n${linesOf(fields)}};\n`;
}

/** A line for each field, as in a config file of heddle's own. */
export function linesOf(fields: ConfigFields): string {
  return Object.entries(fields)
    .map(([name, value]) => `  ${name}: ${print(value)},\n`)
    .join("");
}

/**
 * Replaces the values of fields that are there, and adds the others behind the last field. Everything else stays. Where the value is an
 * object, the same is done with the fields of the object that is there.
 */
export function editConfig(text: string, fields: ConfigFields): Edit {
  const object = configObject(text);
  if (object === undefined) return { kind: "unknown-form" };
  const edits = editObject(text, object, fields);
  if (edits === undefined) return { kind: "unknown-form" };
  const { changes, conflicts } = edits;
  if (changes.length === 0) return { kind: "unchanged" };
  let edited = text;
  // From the end, so that the places before stay.
  for (const { from, to, by } of changes.toSorted((a, b) => b.from - a.from)) {
    edited = edited.slice(0, from) + by + edited.slice(to);
  }
  return { kind: "edited", text: edited, conflicts };
}

/** A part of the text that becomes another. No two of them overlap. */
interface Change {
  readonly from: number;
  readonly to: number;
  readonly by: string;
}

interface Edits {
  readonly changes: readonly Change[];
  readonly conflicts: readonly Conflict[];
}

/** undefined: an object that is to be edited has a form that is not understood. `path`: of the object, for the names of conflicts. */
function editObject(text: string, object: ConfigObject, fields: ConfigFields, path = ""): Edits | undefined {
  const there = new Map(object.fields.map((field) => [field.name, field]));
  const changes: Change[] = [];
  const conflicts: Conflict[] = [];
  const added: string[] = [];
  for (const [key, value] of Object.entries(fields)) {
    const field = there.get(key);
    if (field === undefined) {
      added.push(`${printKey(key)}: ${print(value)}`);
      continue;
    }
    const name = path === "" ? key : `${path}[${JSON.stringify(key)}]`;
    const edits = isFields(value) ? editInner(text, field, value, name) : editValue(text, field, value, name);
    if (edits === undefined) return undefined;
    changes.push(...edits.changes);
    conflicts.push(...edits.conflicts);
  }
  if (added.length > 0) changes.push(addition(text, object, added));
  return { changes, conflicts };
}

function editInner(text: string, field: Field, value: ConfigFields, name: string): Edits | undefined {
  const inner = objectAt(text, field.from);
  // Behind the bracket may be more of the expression.
  return inner?.to === field.to - 1 ? editObject(text, inner, value, name) : undefined;
}

function editValue(text: string, { name: key, from, to }: Field, value: unknown, name: string): Edits {
  const was = text.slice(from, to);
  if (isSame(was, value)) return { changes: [], conflicts: [] };
  const becomes = print(value);
  // A shorthand (`workers,`) has no place for a value of its own.
  const by = was === key ? `${key}: ${becomes}` : becomes;
  return { changes: [{ from, to, by }], conflicts: [{ name, was, becomes }] };
}

function addition(text: string, object: ConfigObject, added: readonly string[]): Change {
  const { lastEnd, endsWithComma, to, from } = object;
  const comma = endsWithComma ? "" : ",";
  const isOneLine = !text.slice(from, to).includes("\n");
  if (isOneLine) {
    const inner = text.slice(lastEnd, to).trim();
    const before = text.slice(from, lastEnd).trim() === "" ? " " : `${comma} `;
    return { from: lastEnd, to, by: `${before}${inner === "" ? "" : `${inner} `}${added.join(", ")} ` };
  }
  const indent = indentOf(text, object);
  // What stands between the last field and the bracket is a comment of the user's, often one about the last field.
  const rest = text.slice(lastEnd, to).trimEnd();
  const closing = text.slice(lastEnd + rest.length, to);
  const newline = text.slice(from, to).includes("\r\n") ? "\r\n" : "\n";
  const lines = added.map((line) => `${newline}${indent}${line},`).join("");
  return { from: lastEnd, to, by: `${comma}${rest}${lines}${closing.includes("\n") ? closing : newline}` };
}

/** Of the first field's line. */
function indentOf(text: string, { fields, from }: ConfigObject): string {
  const line = fields.length === 0 ? undefined : /\n([ \t]*)\S/.exec(text.slice(from - 1));
  return line?.[1] ?? "  ";
}

function isSame(written: string, value: unknown): boolean {
  if (typeof value === "string") return written === `"${value}"` || written === `'${value}'`;
  return written.replaceAll(/\s/g, "") === print(value).replaceAll(/\s/g, "");
}

function isFields(value: unknown): value is ConfigFields {
  return typeof value === "object" && value !== null;
}

/** A value as it is written into a config file. */
export function print(value: unknown): string {
  if (!isFields(value)) return JSON.stringify(value);
  const fields = Object.entries(value).map(([key, inner]) => `${printKey(key)}: ${print(inner)}`);
  return `{ ${fields.join(", ")} }`;
}

function printKey(key: string): string {
  return /^[A-Za-z_]\w*$/.test(key) ? key : JSON.stringify(key);
}
