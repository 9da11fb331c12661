/** What `socketActor` makes, as everybody recognises it who must not import it. The same in every copy of this package. */

export interface SocketKind {
  readonly "~socketActor": true;
}

export function isSocketKind(value: unknown): value is SocketKind {
  return typeof value === "object" && value !== null && "~socketActor" in value;
}
