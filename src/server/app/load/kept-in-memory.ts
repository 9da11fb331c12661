/**
 * Packages that keep in memory what belongs to the whole server. With several copies of an app each has a part of it: sessions
 * get lost, limits are multiplied, jobs run several times. The log says so once, with what to do.
 */

import { sep } from "node:path";
import { count } from "../../../errors/count.ts";

const inModules = `${sep}node_modules${sep}`;

const toldOf: Readonly<Record<string, string>> = {
  "socket.io":
    "socket.io: by default a client's requests must all reach the same copy. Set --sticky cookie, or --sticky ip for clients " +
    "that keep no cookies, and share rooms by an adapter over heddle/shared (examples/24-socket-io), or another",
  "express-session":
    "express-session: without a `store` each copy has sessions of its own, and users seem to be logged out. Give it a store over heddle/shared, or another that is shared, or set --sticky cookie",
  "express-rate-limit":
    "express-rate-limit: without a `store` each copy counts for itself, so clients get a multiple of the limit. Give it a store over heddle/shared, or another that is shared",
  "rate-limiter-flexible":
    "rate-limiter-flexible: with RateLimiterMemory each copy counts for itself, so clients get a multiple of the limit. Use heddle/shared, or a limiter with a store that is shared",
  "node-cron": jobsOf("node-cron"),
  "node-schedule": jobsOf("node-schedule"),
  cron: jobsOf("cron"),
  croner: jobsOf("croner"),
};

/** The same, if all requests of a client reach the same copy. undefined: then nothing is wrong. */
const toldIfSticky: Readonly<Record<string, string | undefined>> = {
  "socket.io":
    "socket.io: each copy knows only its own clients. To reach all clients of a room, use an adapter over heddle/shared (examples/24-socket-io), or another",
  "express-session": undefined,
};

function jobsOf(name: string): string {
  return `${name}: each copy runs the jobs. Start them in one only: \`import { isFirst } from "heddle"\`, or where HEDDLE_WORKER_INDEX and HEDDLE_THREAD_INDEX are 0`;
}

/** The package that a file belongs to: the innermost one. */
export function packageOf(path: string): string | undefined {
  const [first, second] = path.slice(path.lastIndexOf(inModules) + inModules.length).split(sep);
  if (!path.includes(inModules) || first === undefined) return undefined;
  return first.startsWith("@") ? `${first}/${second}` : first;
}

/** What to say about those packages that an app has loaded, if it has this many copies. `isSticky`: some requests at least. */
export function warningsAbout(packages: Iterable<string>, copies: number, isSticky: boolean = false): string[] {
  if (copies < 2) return [];
  const told: Readonly<Record<string, string | undefined>> = isSticky ? { ...toldOf, ...toldIfSticky } : toldOf;
  const known = [...packages].filter((name) => Object.hasOwn(told, name) && told[name] !== undefined).toSorted();
  return known.map((name) => `the app has ${count(copies, "copy", "copies")}. ${told[name]}.`);
}
