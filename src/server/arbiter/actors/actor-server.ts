/**
 * Lets the actors of several workers talk (`heddle/actors`): each worker has a number, and a connection to the meeting of its
 * generation (meeting.ts), which it opens when its app uses actors. An app that does not, opens none.
 */

import type { Log } from "../../../log/log.ts";
import { formatSeat } from "../../../actors/across/thread-numbers.ts";
import { RuntimeSocket } from "../runtime-socket.ts";
import { Meeting } from "./meeting.ts";
import { MeetingConnection } from "./meeting-connection.ts";

/** A worker's place. */
export interface WorkerSeat {
  /** For its environment: ACTORS_VARIABLE. */
  readonly place: string;
  /** Its process runs. Only that process may take the place. */
  started(pid: number): void;
  /** Its app is started. */
  booted(): void;
  ended(): void;
}

export interface ActorsStatus {
  /** Workers whose actors reach those of others. */
  readonly workers: number;
  readonly names: number;
}

interface Expected {
  readonly meeting: Meeting;
  readonly slot: number;
  pid: number;
}

/** Each is one worker. Others are refused at once. */
const MAX_CONNECTIONS = 8192;

export class ActorServer {
  readonly #log: Pick<Log, "warn">;
  /** By the worker's number. */
  readonly #expected = new Map<number, Expected>();
  readonly #meetings = new Map<number, Meeting>();
  #socket: RuntimeSocket | undefined;
  #lastWorker = 0;

  private constructor(log: Pick<Log, "warn">) {
    this.#log = log;
  }

  static async open(log: Pick<Log, "warn">): Promise<ActorServer> {
    const made = new ActorServer(log);
    await made.#listen();
    return made;
  }

  get status(): ActorsStatus {
    const meetings = [...this.#meetings.values()];
    return {
      workers: meetings.reduce((sum, { size }) => sum + size, 0),
      names: meetings.reduce((sum, { names }) => sum + names, 0),
    };
  }

  /** For a worker that is about to be spawned. It replaces those of its generation that have its slot. */
  seat(generation: number, slot: number): WorkerSeat {
    const worker = ++this.#lastWorker;
    const expected: Expected = { meeting: this.#meeting(generation), slot, pid: 0 };
    this.#expected.set(worker, expected);
    return {
      place: formatSeat({ worker, path: this.#socket!.place }),
      started: (pid) => (expected.pid = pid),
      booted: () => {
        expected.meeting.booted(worker);
        expected.meeting.flush();
      },
      ended: () => {
        this.#expected.delete(worker);
        const isLast = [...this.#expected.values()].every(({ meeting }) => meeting !== expected.meeting);
        if (isLast) this.#meetings.delete(generation);
      },
    };
  }

  close(): void {
    this.#socket?.close();
  }

  #meeting(generation: number): Meeting {
    let meeting = this.#meetings.get(generation);
    if (meeting === undefined) this.#meetings.set(generation, (meeting = new Meeting()));
    return meeting;
  }

  async #listen(): Promise<void> {
    const options = {
      placeOf: (worker: number, pid: number) => {
        const expected = this.#expected.get(worker);
        return expected?.pid === pid ? expected : undefined;
      },
      onFault: (what: string) => this.#log.warn({}, `heddle/actors: a worker has sent ${what}`),
    };
    this.#socket = await RuntimeSocket.open({
      suffix: ".actors",
      purpose: "heddle/actors across workers",
      maxConnections: MAX_CONNECTIONS,
      log: this.#log,
      accept: (connection) => void new MeetingConnection(connection, options),
    });
  }
}
