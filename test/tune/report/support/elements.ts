/** Reads the markup that the report writes: every element is closed, in order, and every attribute is quoted. Anything else throws. */

export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Element[];
  /** Of this element alone, entities resolved. */
  text: string;
}

const VOID = new Set(["meta", "link"]);
/** What is in them is no markup. */
const RAW = new Set(["style", "script"]);
const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };

export function parse(source: string): Element {
  const root: Element = { name: "", attributes: {}, children: [], text: "" };
  const open = [root];
  let at = source.startsWith("<!doctype html>") ? "<!doctype html>".length : 0;
  while (at < source.length) {
    const current = open.at(-1)!;
    const tag = /<(\/?)([a-z][a-z0-9]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/iy;
    tag.lastIndex = at;
    const found = tag.exec(source);
    if (found === null) {
      const next = source.indexOf("<", at);
      if (next === at) throw new Error(`no element: ${source.slice(at, at + 60)}`);
      const end = next === -1 ? source.length : next;
      current.text += resolved(source.slice(at, end));
      at = end;
      continue;
    }
    const [whole, closes, name = "", attributes = "", isEmpty] = found;
    at += whole.length;
    if (closes === "/") {
      if (current.name !== name) throw new Error(`</${name}> in <${current.name}>`);
      open.pop();
      continue;
    }
    const element: Element = { name, attributes: attributesOf(attributes), children: [], text: "" };
    current.children.push(element);
    if (RAW.has(name)) {
      const end = source.indexOf(`</${name}>`, at);
      element.text = source.slice(at, end);
      at = end + name.length + 3;
    } else if (!VOID.has(name) && isEmpty !== "/") {
      open.push(element);
    }
  }
  if (open.length !== 1) throw new Error(`<${open.at(-1)!.name}> is not closed`);
  return root;
}

function attributesOf(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/([\w:-]+)="([^"]*)"/g)].map(([, name = "", value = ""]) => [name, resolved(value)]),
  );
}

function resolved(text: string): string {
  return text.replace(/&(#?\w+);/g, (_, name: string) => {
    const character = ENTITIES[name];
    if (character === undefined) throw new Error(`unknown entity: ${name}`);
    return character;
  });
}

/** The element and all below it. */
export function everyOf(element: Element): Element[] {
  return [element, ...element.children.flatMap(everyOf)];
}

export function find(root: Element, name: string, className?: string): Element[] {
  return everyOf(root).filter(
    (each) =>
      each.name === name &&
      (className === undefined || (each.attributes["class"] ?? "").split(" ").includes(className)),
  );
}

export function textOf(element: Element): string {
  return everyOf(element)
    .map(({ text }) => text)
    .join("");
}
