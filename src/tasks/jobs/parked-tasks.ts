/**
 * The end of a program whose tasks are all parked: no thread has work, so nothing can wake them. As in Go, the program says so
 * and ends with code 2. A task whose handle was told `unref` or `cancel` may be parked at the end, or sleep for ever, as may a
 * program that calls `process.exit`. A cancelled one is in the report if there is one: somebody may wait for its end.
 *
 * The root asks all threads at the end (termination-detection.ts). A task's thread knows where it is parked; the thread that has
 * started it knows where.
 */

import { closeRequest, openRequest } from "../remote-requests.ts";
import { waitersOutside } from "../outside-waiters.ts";
import { connected, handle, onEnd, OP, tell } from "../task-service.ts";
import type { Waiter, Waiting } from "../waiter.ts";
import { clearTimeout, setTimeout } from "../../kit/native-timers.ts";
import { jobSites } from "./jobs.ts";
import { placeOf } from "../../runtime/watch/parked-place.ts";
import { type Parked, reportOfParked } from "./parked-report.ts";
import { siteOf } from "../../runtime/watch/start-sites.ts";
import { allUnits, isCanceled, isUnref, type Unit } from "./unit.ts";

interface Answer {
  readonly parked: readonly Parked[];
  /** By the task's id. */
  readonly sites: readonly (readonly [id: string, site: string])[];
}

/** Exit code of a program that hangs, as in Go. */
const EXIT_CODE = 2;

/** Reports are for people. */
const MOST = 1000;

/** The thread has no work, so it answers soon. */
const PATIENCE_MS = 2000;

onEnd({ unfinished: () => parkedWaits(), ending: report });

function parkedUnits(): Unit[] {
  return [...allUnits()].filter((unit) => unit.state === "parked" && !isUnref(unit) && !unit.waits.some(sleeps));
}

/** One object for each wait: a task is often its own waiter, but its promise's function is another one each time. */
function parkedWaits(): object[] {
  const units = parkedUnits().filter((unit) => !isCanceled(unit));
  // Code outside of tasks may leave a wait behind, such as a handler whose client has gone. A top-level await Node reports itself.
  if (units.length === 0) return [];
  return [...units.flatMap(({ waits }) => waits), ...mainWaiters()]
    .map(({ settle }) => settle)
    .filter((settle) => settle !== undefined);
}

function mainWaiters(): Waiter[] {
  return waitersOutside().filter((waiter) => !sleeps(waiter));
}

/** A sleep that is left at the end was to last for ever. */
function sleeps(waiter: Waiting): boolean {
  return waiter.where === "sleep";
}

async function report(): Promise<void> {
  const { self } = connected();
  const others = [...connected().threads()].filter((thread) => thread !== self);
  const [here, main, ...there] = await Promise.all([answerHere(), mainProgram(), ...others.map(answerThere)]);
  const sites = new Map([here, ...there].flatMap((each) => each.sites));
  const parked = [here, ...there]
    .flatMap((each) => each.parked)
    .map((each) => ({ ...each, startedAt: each.startedAt ?? sites.get(each.id) }));
  if (parked.every((each) => each.isCanceled)) return;
  process.exitCode ||= EXIT_CODE;
  process.stderr.write(reportOfParked([...main, ...parked]));
}

async function answerHere(): Promise<Answer> {
  const units = parkedUnits().slice(0, MOST);
  return { parked: await Promise.all(units.map(described)), sites: jobSites() };
}

/** It may have begun several waits. What it is parked at is one that an async function awaits. */
async function described(unit: Unit): Promise<Parked> {
  const { id, name, waits, sinceMs } = unit;
  const places = await Promise.all(waits.map(placeOf));
  const awaited = Math.max(
    0,
    places.findIndex((frames) => frames.length > 0),
  );
  return {
    id,
    name,
    thread: connected().self,
    where: waits[awaited]?.where ?? "a promise",
    isCanceled: isCanceled(unit),
    forMs: performance.now() - sinceMs,
    startedAt: siteOf(unit),
    parkedAt: places[awaited] ?? [],
  };
}

/** A wait that no async function awaits was only begun: nobody is parked. */
async function mainProgram(): Promise<Parked[]> {
  const waits = mainWaiters();
  const places = await Promise.all(waits.map(placeOf));
  return waits.flatMap((waiter, index) => describedMain(waiter, places[index]!));
}

function describedMain({ where }: Waiter, parkedAt: readonly string[]): Parked[] {
  if (parkedAt.length === 0) return [];
  return [
    {
      id: "",
      name: undefined,
      thread: connected().self,
      where,
      isCanceled: false,
      forMs: undefined,
      startedAt: undefined,
      parkedAt,
    },
  ];
}

function answerThere(thread: number): Promise<Answer> {
  const nothing: Answer = { parked: [], sites: [] };
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      closeRequest(id);
      resolve(nothing);
    }, PATIENCE_MS);
    const end = (answer: Answer): void => {
      clearTimeout(timer);
      resolve(answer);
    };
    const id = openRequest(thread, "thread", {
      answered: (_index, answer) => end(answer as Answer),
      refused: () => end(nothing),
    });
    tell(thread, [OP.parked, id]);
  });
}

handle(OP.parked, (from, [id]) => {
  void answerHere().then((answer) => tell(from, [OP.answer, id, 0, answer]));
});
