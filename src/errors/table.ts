/**
 * Every error that heddle raises on purpose, one record per code. A code with an `exitCode` ends a command. A code with a
`status` refuses one request and is the client's answer. A code with a `library` is thrown to the caller of that library.
 *
 * Match on the code, never on the message: messages are for people and may change.
 */

export interface ErrorRecord {
  /** Exit code of a command that fails with this error: 1 the app or server failed, 2 the command line or config is wrong. */
  readonly exitCode?: 0 | 1 | 2;
  /** HTTP status of the response to a request that is refused for this reason. */
  readonly status?: number;
  /** The library that throws it. */
  readonly library?: "heddle" | "heddle/tasks" | "heddle/actors" | "heddle/shared" | "heddle/tune";
  readonly doc: string;
}

const table = {
  CLI_USAGE: { exitCode: 2, doc: "The command line has the wrong shape: an unknown command, or a missing argument." },
  CONFIG_UNKNOWN_FLAG: { exitCode: 2, doc: "A flag that heddle does not have." },
  CONFIG_UNKNOWN_SETTING: {
    exitCode: 2,
    doc: "A setting that heddle does not have, in the config file or as `HEDDLE_*`.",
  },
  CONFIG_BAD_VALUE: { exitCode: 2, doc: "A setting has an invalid value." },
  CONFIG_CONFLICT: { exitCode: 2, doc: "Two settings contradict each other, or one needs another that is missing." },
  CONFIG_FILE_FAILED: { exitCode: 2, doc: "The config file is missing, throws, or exports something else." },
  ENV_FILE_FAILED: {
    exitCode: 2,
    doc: "A file of `--env-file` is missing, cannot be read, or has a line that is not an assignment.",
  },

  APP_NOT_FOUND: { exitCode: 1, doc: "The app's file does not exist." },
  APP_IMPORT_FAILED: { exitCode: 1, doc: "Importing the app threw." },
  APP_SYNTAX_UNSUPPORTED: { exitCode: 1, doc: "The app uses TypeScript syntax that cannot be erased." },
  APP_NO_HANDLER: { exitCode: 1, doc: "The app exports nothing that can answer requests." },
  APP_NOT_READY: { exitCode: 1, doc: "The app was loaded but did not become ready to answer." },
  APP_HOOK_FAILED: { exitCode: 1, doc: "The app's `onStart`, `onDrain` or `onStop` threw or took too long." },
  APP_NEEDS_PROCESS: { exitCode: 1, doc: "The app uses on a thread what only a process's main thread can do." },
  APP_SERVES_TLS: {
    exitCode: 1,
    doc: "The app's own https server can't be used: with --tls-cert its client certificates would not be asked for, or it listens too late.",
  },
  APP_SERVES_HTTP2: {
    exitCode: 1,
    doc: "The app's own server speaks HTTP/2, and the model, a route's model or --tls-cert does not allow it.",
  },
  APP_FORKS: { exitCode: 1, doc: "The app starts processes with node:cluster." },
  APP_EXITED: { exitCode: 1, doc: "The app ended its own thread or process." },

  LISTEN_IN_USE: { exitCode: 1, doc: "Another program already listens on the address." },
  LISTEN_NOT_PERMITTED: { exitCode: 1, doc: "The operating system does not let this user listen on the address." },
  LISTEN_FAILED: { exitCode: 1, doc: "Listening failed for another reason; see the cause." },
  TLS_BAD: { exitCode: 1, doc: "The TLS certificate or key cannot be read, or they do not belong together." },

  TUNE_SCENARIO_BAD: {
    exitCode: 2,
    doc: "A `--path` or a scenario file has a part that is missing, unknown or invalid.",
  },
  TUNE_SETUP_FAILED: { exitCode: 1, doc: "A setup request of the scenario was not answered as it should be." },
  TUNE_GENERATOR_FAILED: { exitCode: 1, doc: "The load generator's process did not start, or it ended." },

  BOOT_TIMEOUT: { exitCode: 1, doc: "A worker was not ready within the boot timeout." },
  WORKER_DIED: { exitCode: 1, doc: "A worker process ended unexpectedly." },
  THREAD_DIED: { exitCode: 1, doc: "A thread ended unexpectedly." },
  THREAD_QUARANTINED: {
    exitCode: 1,
    doc: 'A thread was ended because an actor on it was sent "kill" and could not be ended.',
  },
  THREADS_INVALID: {
    exitCode: 1,
    doc: "The number of threads is invalid, or cannot be set at this time or on this thread.",
  },
  THREAD_NOT_JOINED: {
    exitCode: 1,
    doc: "A thread of the server uses tasks or actors, and could not join the other threads of its worker.",
  },
  HANDLER_DIED: { exitCode: 1, doc: "The handler thread that ran the request ended before the response did." },
  SUPERVISION_FAILED: {
    exitCode: 1,
    doc: "A supervision tree that the app has started (`onStart`) has ended by itself, so the copy of the app is replaced.",
  },
  THREAD_BLOCKED: { exitCode: 1, doc: "A thread's event loop was blocked for too long, and the thread was ended." },
  RELOAD_FAILED: { exitCode: 1, doc: "The new generation did not become ready; the old one keeps serving." },

  CONTROL_UNAVAILABLE: {
    exitCode: 1,
    doc: "The control socket cannot be opened or reached, or its answer is not understood.",
  },
  CONTROL_NO_SERVER: { exitCode: 1, doc: "No running server was found." },
  CONTROL_AMBIGUOUS: { exitCode: 1, doc: "Several servers run and the command does not say which one it means." },

  TUNE_NOT_SERVED: {
    exitCode: 1,
    doc: "The app does not run in a shape that is to be measured, its server ended during the measurement, or a route gave no answer.",
  },

  TUNE_NO_TIME: { exitCode: 1, doc: "The budget of `heddle tune` was over before anything was measured." },
  TUNE_REFUSED: {
    exitCode: 1,
    doc: "The server refuses the requests that it is to be measured with, answers them with errors, or cannot be reached.",
  },
  TUNE_NOT_WRITTEN: {
    exitCode: 1,
    doc: "The report and the result of `heddle tune`, or the config file of `--write`, cannot be written.",
  },
  TUNE_BAD_RESULT: {
    exitCode: 2,
    doc: "The file of `--compare` is not a result of `heddle tune`, or one of other requests.",
  },

  PID_FILE_TAKEN: { exitCode: 1, doc: "The pid file belongs to a server that is running, or cannot be written." },
  NODE_TOO_OLD: { exitCode: 1, doc: "This Node.js lacks what heddle needs." },
  NODE_INTERNALS_MISSING: { exitCode: 1, doc: "This Node.js lacks something undocumented that heddle uses of it." },
  INTERNAL: {
    exitCode: 1,
    doc: "A fault in heddle itself, or an error without a code that crossed a process or thread.",
  },

  BAD_REQUEST: { status: 400, doc: "The request is not valid HTTP/1.1." },
  HEADERS_TIMEOUT: { status: 408, doc: "The headers were not complete in time." },
  BODY_TIMEOUT: { status: 408, doc: "The body stalled, or arrived more slowly than the minimum rate." },
  BODY_TOO_LARGE: { status: 413, doc: "The body is larger than the limit." },
  REQUEST_LINE_TOO_LONG: { status: 414, doc: "The request line is longer than the limit." },
  HEADERS_TOO_LARGE: { status: 431, doc: "The header block is larger than the limit." },
  TOO_MANY_HEADERS: { status: 431, doc: "The request has more headers than the limit." },
  HANDLER_FAILED: { status: 500, doc: "The app's handler threw." },
  UPGRADE_REQUIRED: {
    status: 426,
    doc: "The app only serves WebSockets, and the request is not the handshake of one.",
  },
  UPGRADE_UNSUPPORTED: { status: 501, doc: "The route's model cannot run WebSockets and other upgrades." },
  TUNNEL_UNSUPPORTED: { status: 501, doc: "The request asks for a tunnel to another host (`CONNECT`)." },
  FRAMING_UNSUPPORTED: { status: 501, doc: "The request uses a transfer coding other than one final `chunked`." },
  EXPECTATION_FAILED: { status: 417, doc: "The request has an `Expect` header that neither heddle nor the app knows." },
  OVERLOADED: { status: 503, doc: "The gate's queue is full, so the request was shed." },
  QUEUE_TIMEOUT: { status: 503, doc: "The request waited in the gate's queue longer than the queue timeout." },
  QUEUE_DELAYED: {
    status: 503,
    doc: "The server was overloaded, and the request waited longer than an adaptive limit allows then.",
  },
  DRAINING: {
    status: 503,
    doc: "The request had no response when its worker's graceful timeout was nearly over.",
  },
  HANDLER_RAN_AWAY: {
    status: 503,
    doc: "The handler computed for longer than its runaway budget without awaiting, and was ended alone.",
  },
  HANDLER_LOST: {
    status: 503,
    doc: "The handler could not go on, because another one that was resumed with it ran away and was ended.",
  },
  HANDLER_TIMEOUT: { status: 504, doc: "The app's handler did not answer within the timeout." },

  SOCKET_INVALID: {
    library: "heddle",
    doc: "An option or argument of `socketActor`, of a socket or of `publish` is invalid.",
  },
  REQUEST_UNKNOWN: {
    library: "heddle",
    doc: "The request of `requestContext`, `requestGroup` or `reclassify` is not known: there is none, or it was not passed.",
  },
  RECLASSIFY_REFUSED: {
    library: "heddle",
    doc: "The function `reclassify` got something else than `tasks` or `threads`, or the model cannot do that.",
  },

  TASK_INVALID: {
    library: "heddle/tasks",
    doc: "A task or one of its options is invalid, or the argument is not a task.",
  },
  CHANNEL_CLOSED: {
    library: "heddle/tasks",
    doc: "A value was sent on a closed channel, or the channel was closed again.",
  },
  CHANNEL_NIL: { library: "heddle/tasks", doc: "The nil channel was closed." },
  CHANNEL_CAPACITY: { library: "heddle/tasks", doc: "The capacity of a channel is invalid." },
  CHANNEL_LOST: { library: "heddle/tasks", doc: "The thread of a channel, lock or context has ended." },
  SELECT_TIMEOUT: { library: "heddle/tasks", doc: "No case of a select was ready in time." },
  SELECT_LIMIT: { library: "heddle/tasks", doc: "Too many selects wait across threads." },
  CANCELED: { library: "heddle/tasks", doc: "A task or context was cancelled." },
  DEADLINE_EXCEEDED: { library: "heddle/tasks", doc: "A context's deadline has passed." },
  CONTEXT_KEY: {
    library: "heddle/tasks",
    doc: "The key of a context's value has no meaning on other threads, such as an object.",
  },
  SYNC_MISUSE: {
    library: "heddle/tasks",
    doc: "A wait group, mutex, semaphore or task group was used against its rules.",
  },
  DEADLOCK: {
    library: "heddle/tasks",
    doc: "The program ends with code 2 because its tasks are parked, and nothing is left that could wake them.",
  },
  TASK_FAILED: { library: "heddle/tasks", doc: "A task failed, and its handle was never awaited." },
  TASK_LOST: {
    library: "heddle/tasks",
    doc: "A task could not go on, because an actor of its thread was ended in the middle of a computation.",
  },
  TASK_DUPLICATE: { library: "heddle/tasks", doc: "A module defines two tasks of the same name." },
  TASK_NOT_FOUND: { library: "heddle/tasks", doc: "A task's module, imported on another thread, does not define it." },
  TASK_NOT_CLONEABLE: { library: "heddle/tasks", doc: "A task's argument or result cannot cross to another thread." },
  AWAIT_SYNC_REFUSED: { library: "heddle/tasks", doc: "Waiting in `awaitSync` would block other work on this thread." },
  TIME_STUCK: {
    library: "heddle/tasks",
    doc: "Under fake time all tasks are parked, no timer is pending, and the test has not ended.",
  },
  TASK_MODULE_FAILED: { library: "heddle/tasks", doc: "A task's module cannot be imported on another thread." },

  ACTOR_INVALID: {
    library: "heddle/actors",
    doc: "An actor, an argument or an option is invalid. The message says what it got and what would be right.",
  },
  ACTOR_BAD_RETURN: {
    library: "heddle/actors",
    doc: "A callback of a server returned something that is no answer. The server has ended.",
  },
  ACTOR_DUPLICATE: { library: "heddle/actors", doc: "A module defines two actors of the same name." },
  ACTOR_NOT_FOUND: {
    library: "heddle/actors",
    doc: "An actor's module, imported on another thread, does not define it.",
  },
  ACTOR_MODULE_FAILED: { library: "heddle/actors", doc: "An actor's module cannot be imported on another thread." },
  ACTOR_LOST: {
    library: "heddle/actors",
    doc: "An actor could not go on, because another one of its thread was ended in the middle of a computation.",
  },
  ACTOR_EXITED: { library: "heddle/actors", doc: "An actor has exited; its `reason` says why." },
  ACTOR_START_FAILED: { library: "heddle/actors", doc: "A server or supervisor did not start; `reason` says why." },
  ACTOR_CALL_FAILED: {
    library: "heddle/actors",
    doc: "A call got no reply: no such server, or it exited; see `reason`.",
  },
  ACTOR_CALL_TIMEOUT: { library: "heddle/actors", doc: "A call got no reply in time." },
  ACTOR_MAILBOX_FULL: { library: "heddle/actors", doc: "The mailbox is full, and its overflow policy is to refuse." },
  ACTOR_LINK_FULL: {
    library: "heddle/actors",
    doc: "Too much waits to be sent to a thread of another worker, which does not read it.",
  },
  ACTOR_MESSAGE_TOO_LARGE: {
    library: "heddle/actors",
    doc: "A message to an actor of another worker is longer than 64 MiB.",
  },
  ACTOR_RECEIVES_TWICE: { library: "heddle/actors", doc: "An actor waits in `receive` already." },
  ACTOR_UNKNOWN: { library: "heddle/actors", doc: "The call needs a current actor, but its caller is not an actor." },
  ACTOR_NO_THREAD: { library: "heddle/actors", doc: "The thread does not exist, or has ended." },
  NAME_UNKNOWN: { library: "heddle/actors", doc: "No actor is registered under the name." },
  NAME_REFUSED: {
    library: "heddle/actors",
    doc: "The name is taken or reserved, or the actor already has a name or has ended.",
  },
  SUPERVISOR_INVALID: {
    library: "heddle/actors",
    doc: "A supervisor's options or a child specification are invalid, or contradict themselves.",
  },
  SUPERVISOR_REFUSED: { library: "heddle/actors", doc: "A supervisor refused a request; its `reason` says why." },
  TABLE_REFUSED: {
    library: "heddle/actors",
    doc: "The name of a table is taken, or a protected table is written by others than its owner.",
  },
  TABLE_GONE: { library: "heddle/actors", doc: "There is no such table: its owner has exited." },
  NOT_CLONEABLE: {
    library: "heddle/actors",
    doc: "A message or argument holds something that cannot be copied, such as a function.",
  },

  SHARED_UNAVAILABLE: {
    library: "heddle/shared",
    doc: "The shared store can't be reached: the server has ended, or runs with `--shared-memory 0`. Nothing was changed.",
  },
  SHARED_INTERRUPTED: {
    library: "heddle/shared",
    doc: "The connection to the shared store broke before the answer came. The operation may have been performed, or not.",
  },
  SHARED_BUSY: {
    library: "heddle/shared",
    doc: "Too many operations of this thread wait for the shared store, or it subscribes to too many channels, or others keep changing the key of an `update`.",
  },
  SHARED_INVALID: { library: "heddle/shared", doc: "A name, a number, a time, a value or a listener is not one." },
  SHARED_TOO_LARGE: { library: "heddle/shared", doc: "A name, a value or a message is larger than the limit." },
  SHARED_NOT_CLONEABLE: {
    library: "heddle/shared",
    doc: "A value holds something that cannot be copied, such as a function.",
  },
  SHARED_NOT_A_NUMBER: {
    library: "heddle/shared",
    doc: "What should be incremented is no number, or the sum would not be finite.",
  },

  TUNE_INPUT: {
    library: "heddle/tune",
    doc: "What an estimator of `heddle/tune` was given is no number, or not of the shape that it needs.",
  },
} as const;

export type ErrorCode = keyof typeof table;

export const errorTable: Readonly<Record<ErrorCode, ErrorRecord>> = table;

export const errorCodes: readonly ErrorCode[] = Object.keys(table) as ErrorCode[];

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === "string" && Object.hasOwn(table, value);
}
