/** The text of a config file with the recommendation in it. Pure. */

import { configObject, type ConfigObject, type Field } from "./object-fields.ts";

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
  const lines = Object.entries(fields).map(([name, value]) => `  ${name}: ${print(value)},\n`);
  return `import { defineConfig } from "heddle";\n\nexport default defineConfig({\n${lines.join("")}});\n`;
}

/** Replaces the values of fields that are there, and adds the others behind the last field. Everything else stays. */
export function editConfig(text: string, fields: ConfigFields): Edit {
  const object = configObject(text);
  if (object === undefined) return { kind: "unknown-form" };
  const there = new Map(object.fields.map((field) => [field.name, field]));
  const conflicts: Conflict[] = [];
  const replaced: { readonly field: Field; readonly value: string }[] = [];
  const added: string[] = [];
  for (const [name, value] of Object.entries(fields)) {
    const field = there.get(name);
    const printed = print(value);
    if (field === undefined) added.push(`${name}: ${printed}`);
    else if (!isSame(text.slice(field.from, field.to), value)) {
      conflicts.push({ name, was: text.slice(field.from, field.to), becomes: printed });
      // A shorthand (`workers,`) has no place for a value of its own.
      const isShorthand = text.slice(field.from, field.to) === name;
      replaced.push({ field, value: isShorthand ? `${name}: ${printed}` : printed });
    }
  }
  if (added.length === 0 && replaced.length === 0) return { kind: "unchanged" };
  let edited = added.length === 0 ? text : withAdded(text, object, added);
  // From the end, so that the places before stay.
  for (const { field, value } of replaced.toSorted((a, b) => b.field.from - a.field.from)) {
    edited = edited.slice(0, field.from) + value + edited.slice(field.to);
  }
  return { kind: "edited", text: edited, conflicts };
}

function withAdded(text: string, object: ConfigObject, added: readonly string[]): string {
  const { lastEnd, endsWithComma, to, from } = object;
  const comma = endsWithComma ? "" : ",";
  const isOneLine = !text.slice(from, to).includes("\n");
  if (isOneLine) {
    const inner = text.slice(lastEnd, to).trim();
    const before = text.slice(from, lastEnd).trim() === "" ? " " : `${comma} `;
    return `${text.slice(0, lastEnd)}${before}${inner === "" ? "" : `${inner} `}${added.join(", ")} ${text.slice(to)}`;
  }
  const indent = indentOf(text, object);
  // What stands between the last field and the bracket is a comment of the user's, often one about the last field.
  const rest = text.slice(lastEnd, to).trimEnd();
  const closing = text.slice(lastEnd + rest.length, to);
  const lines = added.map((line) => `\n${indent}${line},`).join("");
  return `${text.slice(0, lastEnd)}${comma}${rest}${lines}${closing.includes("\n") ? closing : "\n"}${text.slice(to)}`;
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

function print(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(
    ([name, inner]) => `${/^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name)}: ${print(inner)}`,
  );
  return `{ ${fields.join(", ")} }`;
}
