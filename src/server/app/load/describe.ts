/** Describes a value for an error message: "an object with keys a, b", "a string", "a class Foo". */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "function")
    return `${isClass(value) ? "a class" : "a function"} ${value.name || "without a name"}`;
  if (Array.isArray(value)) return "an array";
  if (typeof value !== "object") return `a ${typeof value}`;
  const name = (value.constructor as { name?: string } | undefined)?.name;
  if (name !== undefined && name !== "Object") return `an instance of ${name}`;
  const keys = Object.keys(value);
  if (keys.length === 0) return "an empty object";
  return `an object with ${keys.slice(0, 5).join(", ")}${keys.length > 5 ? ", …" : ""}`;
}

export function isClass(value: object): boolean {
  return /^class\b/.test(Function.prototype.toString.call(value));
}
