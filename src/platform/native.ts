/**
 * The few system calls that Node has no API for, through `node:ffi`: dup and close to give connections to threads, waitpid to
 * run as PID 1, poll for connections nobody reads, a socket option that marks begun ones, accept, a packet filter and shutdown
 * to end a listening socket, malloc_trim to give memory back after a load, memory that processes share, the cores that a thread
 * may run on, the CPU clock of another process, the limit of descriptors. Without ffi (Node before 26.10, or
 * `--no-experimental-ffi`) heddle works without them, and refuses only Unix sockets.
 */

import { count } from "../errors/count.ts";
import { HeddleError } from "../errors/errors.ts";
import { withoutWarnings } from "./node-internals/warnings.ts";

interface Libc {
  readonly dup: (fd: number) => number;
  readonly close: (fd: number) => number;
  readonly waitpid: (pid: number, status: null, options: number) => number;
  readonly setsockopt: (fd: number, level: number, option: number, value: Buffer, bytes: number) => number;
  readonly getsockopt: (fd: number, level: number, option: number, value: Buffer, bytes: Buffer) => number;
  readonly recv: (fd: number, buffer: Buffer, bytes: bigint, flags: number) => bigint | number;
  readonly poll: (fds: Buffer, count: bigint, timeoutMs: number) => number;
  readonly shutdown: (fd: number, how: number) => number;
}

let libc: Libc | undefined;
/** glibc only. Other C libraries give memory back by themselves. */
let trim: ((keptBytes: bigint) => number) | undefined;
/** Linux: of its three arguments the last is one of any number, which other systems may pass in another way. */
let fcntl: ((fd: number, command: number, argument: number) => number) | undefined;
/** Linux and the BSDs. */
let accept4: ((fd: number, address: null, bytes: null, flags: number) => number) | undefined;

/** Linux: the clock of another process is a number made of its pid. */
let clockGettime: ((clock: number, time: Buffer) => number) | undefined;

/** Linux. */
let sched_setaffinity: ((thread: number, bytes: bigint, mask: Buffer) => number) | undefined;
let getrlimit: ((resource: number, limits: Buffer) => number) | undefined;

/** Linux. */
let memory: SharedMemoryCalls | undefined;
let toArrayBuffer: ((address: bigint, bytes: number, copy: boolean) => ArrayBuffer) | undefined;

interface SharedMemoryCalls {
  readonly memfd_create: (name: Buffer, flags: number) => number;
  readonly ftruncate: (fd: number, bytes: bigint) => number;
  readonly mmap: (at: null, bytes: bigint, access: number, flags: number, fd: number, from: bigint) => bigint;
}

let addressOf: ((bytes: Uint16Array) => bigint) | undefined;

/** Why there is no ffi, after `loadNative` returned false. */
let missing: unknown;

/** Whether the calls below can be made. Loads node:ffi on the first call. */
export async function loadNative(): Promise<boolean> {
  if (libc !== undefined) return true;
  try {
    libc = await withoutWarnings("ExperimentalWarning", async () => {
      // Not an `import`: a loader (`--experimental-loader`) would load it once more, on its own thread, which prints the warning.
      const ffi = process.getBuiltinModule("node:ffi") as typeof import("node:ffi") | undefined;
      if (ffi === undefined) throw new Error("There is no built-in module node:ffi");
      const { functions } = ffi.dlopen(null, {
        dup: { arguments: ["i32"], return: "i32" },
        close: { arguments: ["i32"], return: "i32" },
        waitpid: { arguments: ["i32", "pointer", "i32"], return: "i32" },
        setsockopt: { arguments: ["i32", "i32", "i32", "pointer", "u32"], return: "i32" },
        getsockopt: { arguments: ["i32", "i32", "i32", "pointer", "pointer"], return: "i32" },
        recv: { arguments: ["i32", "pointer", "u64", "i32"], return: "i64" },
        poll: { arguments: ["pointer", "u64", "i32"], return: "i32" },
        shutdown: { arguments: ["i32", "i32"], return: "i32" },
      });
      const { lib } = ffi.dlopen(null);
      addressOf = ffi.getRawPointer;
      trim = ifThere(() => lib.getFunction("malloc_trim", { arguments: ["u64"], return: "i32" }));
      fcntl = ifThere(() => lib.getFunction("fcntl", { arguments: ["i32", "i32", "i32"], return: "i32" }));
      clockGettime = ifThere(() => lib.getFunction("clock_gettime", { arguments: ["i32", "pointer"], return: "i32" }));
      toArrayBuffer = ffi.toArrayBuffer;
      memory = ifThere(() => ({
        memfd_create: lib.getFunction("memfd_create", { arguments: ["pointer", "u32"], return: "i32" }),
        ftruncate: lib.getFunction("ftruncate", { arguments: ["i32", "i64"], return: "i32" }),
        mmap: lib.getFunction("mmap", { arguments: ["pointer", "u64", "i32", "i32", "i32", "i64"], return: "pointer" }),
      }));
      sched_setaffinity = ifThere(() =>
        lib.getFunction("sched_setaffinity", { arguments: ["i32", "u64", "pointer"], return: "i32" }),
      );
      getrlimit = ifThere(() => lib.getFunction("getrlimit", { arguments: ["i32", "pointer"], return: "i32" }));
      accept4 = ifThere(() =>
        lib.getFunction("accept4", { arguments: ["i32", "pointer", "pointer", "i32"], return: "i32" }),
      );
      return functions;
    });
    return true;
  } catch (cause) {
    missing = cause;
    return false;
  }
}

/** undefined: this C library has no such function. */
function ifThere<T>(find: () => T): T | undefined {
  try {
    return find();
  } catch {
    return undefined;
  }
}

export function hasNative(): boolean {
  return libc !== undefined;
}

/** For features that need it. @throws HeddleError LISTEN_FAILED */
export async function requireNative(what: string): Promise<void> {
  if (await loadNative()) return;
  throw new HeddleError("LISTEN_FAILED", `${what} need \`node:ffi\`, which this Node does not offer.`, {
    cause: missing,
    hint: "Use Node 26.10 or later without --no-experimental-ffi, or listen on a TCP address.",
  });
}

const F_DUPFD_CLOEXEC = 1030;

/**
 * A second descriptor for the same open file, which programs that this process starts do not inherit. -1: the process has no
 * descriptors left. Elsewhere than on Linux libuv has programs inherit nothing unasked.
 */
export function duplicateFd(fd: number): number {
  return fcntl === undefined || process.platform !== "linux" ? libc!.dup(fd) : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

export function closeFd(fd: number): void {
  libc!.close(fd);
}

const RLIMIT_NOFILE = process.platform === "linux" ? 7 : 8;
/** `struct rlimit`: the soft limit, then the hard one. */
const limits = Buffer.alloc(16);

/** How many descriptors this process may have. It may be changed from outside at any time. undefined: it can't be told. */
export function descriptorLimit(): number | undefined {
  if (getrlimit === undefined || getrlimit(RLIMIT_NOFILE, limits) !== 0) return undefined;
  return Number(limits.readBigUInt64LE());
}

const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;

/**
 * Accepts the connections that wait in the backlog of a listening socket, at most `limit`, oldest first, and returns their
 * descriptors. Never waits: the socket must be one of libuv's. Linux only; elsewhere it accepts none.
 */
export function acceptWaiting(fd: number, limit: number): number[] {
  const accepted: number[] = [];
  if (accept4 === undefined || process.platform !== "linux") return accepted;
  while (accepted.length < limit) {
    const connection = accept4(fd, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection < 0) break;
    accepted.push(connection);
  }
  return accepted;
}

const SO_ATTACH_FILTER = 26;
/** `struct sock_filter`: loads the flags byte of the TCP header. If SYN is set, keeps nothing of the packet, else all of it. */
const DROP_SYN = new Uint16Array([0x30, 0, 13, 0, 0x45, 0x01_00, 0x02, 0, 0x06, 0, 0, 0, 0x06, 0, 0xffff, 0xffff]);

/**
 * Makes the kernel drop each SYN for a listening TCP socket: no new connection begins, and handshakes that have begun go on. A
 * client whose SYN was dropped retries by itself after a second. false: only Linux can do this.
 */
export function dropNewHandshakes(fd: number): boolean {
  if (process.platform !== "linux") return false;
  // `struct sock_fprog`: the number of instructions of 8 bytes, and their address.
  const program = new ArrayBuffer(16);
  new Uint16Array(program)[0] = DROP_SYN.byteLength / 8;
  new BigUint64Array(program)[1] = addressOf!(DROP_SYN);
  return libc!.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, Buffer.from(program), program.byteLength) === 0;
}

const SHUT_RDWR = 2;

/** Ends a listening socket for every process that has a descriptor of it: from now on connecting to it is refused. */
export function shutDown(fd: number): void {
  libc!.shutdown(fd, SHUT_RDWR);
}

/**
 * Gives the free memory of the C library's allocator back to the kernel, from all of its arenas. Takes half a millisecond. Does
 * nothing without ffi, or if the C library has no such function.
 */
export function trimMemory(): void {
  trim?.(0n);
}

const WNOHANG = 1;

/** Collects a child that has ended, so that it does not stay a zombie. Never waits. */
export function reap(pid: number): void {
  libc!.waitpid(pid, null, WNOHANG);
}

/** `struct pollfd`: the descriptor, then the requested and the returned events in 16 bits each. */
const POLLFD_BYTES = 8;
const POLLIN = 0x01;
const POLLERR = 0x08;
const POLLHUP = 0x10;
/** The peer has closed its sending side. Linux only. Elsewhere a peer that is completely gone shows as POLLHUP. */
const POLLRDHUP = process.platform === "linux" ? 0x2000 : 0;

/** What is told of each descriptor. Of one below 0: nothing. Never waits. */
function poll(fds: readonly number[], asked: number): number[] {
  const polled = Buffer.alloc(fds.length * POLLFD_BYTES);
  fds.forEach((fd, i) => {
    polled.writeInt32LE(fd, i * POLLFD_BYTES);
    polled.writeInt16LE(asked, i * POLLFD_BYTES + 4);
  });
  libc!.poll(polled, BigInt(fds.length), 0);
  return fds.map((_, i) => polled.readInt16LE(i * POLLFD_BYTES + 6));
}

/** Whether a connection waits in the backlog of one of these listening sockets. Never waits. */
export function areAwaited(fds: readonly number[]): boolean {
  return poll(fds, POLLIN).some((told) => (told & POLLIN) !== 0);
}

/** Of each connection, whether its other end has hung up. One below 0 has not. Never waits. */
export function areHungUp(fds: readonly number[]): boolean[] {
  return poll(fds, POLLRDHUP).map((told) => (told & (POLLRDHUP | POLLHUP | POLLERR)) !== 0);
}

/**
 * Whether the other end of a Unix socket is closed, and not only its sending side; whether a TCP connection is reset or has timed
 * out. Never waits. Only Linux tells the first two apart: `tellsClosedFromEnded`.
 */
export function isClosed(fd: number): boolean {
  return (poll([fd], 0)[0]! & (POLLHUP | POLLERR)) !== 0;
}

export function tellsClosedFromEnded(): boolean {
  return hasNative() && process.platform === "linux";
}

/** The same as areHungUp, and whether it has sent anything that nobody has read. One below 0 is silent. Never waits. */
export function pollClients(fds: readonly number[]): ("silent" | "sent" | "ended" | "gone")[] {
  return poll(fds, POLLRDHUP | POLLIN).map((told, i) => {
    if ((told & (POLLHUP | POLLERR)) !== 0) return "gone";
    if ((told & POLLRDHUP) !== 0) return hasUnread(fds[i]!) ? "ended" : "gone";
    return (told & POLLIN) === 0 ? "silent" : "sent";
  });
}

const MSG_PEEK = 0x02;
const MSG_DONTWAIT = process.platform === "linux" ? 0x40 : 0x80;
const onePeeked = Buffer.alloc(1);

/** Whether the kernel has unread bytes of this connection. Never waits. */
export function hasUnread(fd: number): boolean {
  return libc!.recv(fd, onePeeked, 1n, MSG_PEEK | MSG_DONTWAIT) > 0;
}

const IPPROTO_TCP = 6;
const TCP_INFO = 11;
/** `struct tcp_info` up to and with `tcpi_last_ack_recv`, which are milliseconds. */
const TCP_INFO_BYTES = 60;
const UNACKED = 24;
const LAST_DATA_RECV = 52;
const LAST_ACK_RECV = 56;

/** Used again by each call: some are made for each request. */
const info = Buffer.alloc(TCP_INFO_BYTES);
const infoBytes = Buffer.alloc(4);

/** How long ago the last byte of a TCP connection arrived, in milliseconds. undefined: the kernel does not tell (not Linux). */
export function sinceLastByteMs(fd: number): number | undefined {
  return tcpInfo(fd)?.readUInt32LE(LAST_DATA_RECV);
}

/**
 * A client has ended its side: how long after its last byte, in milliseconds, at most. Exact if it has acknowledged nothing since: the end
 * is the latest segment that came then, however late this process hears of it. undefined: the kernel does not tell (not Linux, or not
 * TCP).
 */
export function endBehindLastByteMs(fd: number): number | undefined {
  const told = tcpInfo(fd);
  return told && Math.max(0, told.readUInt32LE(LAST_DATA_RECV) - told.readUInt32LE(LAST_ACK_RECV));
}

/**
 * For how long the other end's kernel has acknowledged nothing, while something is to be acknowledged. 0: it has acknowledged
 * everything. undefined: the kernel does not tell (not Linux, or not TCP).
 */
export function unacknowledgedMs(fd: number): number | undefined {
  const told = tcpInfo(fd);
  if (told === undefined) return undefined;
  return told.readUInt32LE(UNACKED) === 0 ? 0 : told.readUInt32LE(LAST_ACK_RECV);
}

/** The same memory each time. */
function tcpInfo(fd: number): Buffer | undefined {
  if (process.platform !== "linux") return undefined;
  infoBytes.writeUInt32LE(TCP_INFO_BYTES);
  return libc!.getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, infoBytes) === 0 ? info : undefined;
}

const SOL_SOCKET = process.platform === "linux" ? 1 : 0xffff;
const SO_RCVTIMEO = process.platform === "linux" ? (process.arch === "ppc64" ? 18 : 20) : 0x1006;
/** `struct timeval` on a 64-bit machine. */
const TIMEVAL_BYTES = 16;
/** One second. Little-endian; on a big-endian machine it reads as a longer, still non-zero timeout. */
const MARK = Buffer.alloc(TIMEVAL_BYTES);
MARK.writeInt32LE(1);

/**
 * Marks a connection for everyone who has a descriptor of it, in this process or another; `wasBegun` reads the mark. The mark
 * is a timeout for blocking reads. The kernel stores it with the connection, and heddle does no blocking reads.
 */
export function markBegun(fd: number): void {
  libc!.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, MARK, TIMEVAL_BYTES);
}

export function wasBegun(fd: number): boolean {
  const value = Buffer.alloc(TIMEVAL_BYTES);
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(TIMEVAL_BYTES, 0);
  return libc!.getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, value, bytes) === 0 && value.some((byte) => byte !== 0);
}

/** `cpu_set_t`: a bit for each of 1,024 cores. */
const CPU_SET_BYTES = 128;

/** Lets a thread of any process of this user run on these cores only. false: it is gone, has none of these cores, or no ffi. */
export function setAffinity(thread: number, cpus: readonly number[]): boolean {
  const mask = Buffer.alloc(CPU_SET_BYTES);
  for (const cpu of cpus) mask[cpu >> 3] = (mask[cpu >> 3] ?? 0) | (1 << (cpu & 7));
  return sched_setaffinity?.(thread, BigInt(CPU_SET_BYTES), mask) === 0;
}

const MFD_CLOEXEC = 1;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

/**
 * A descriptor of so many zeroed bytes, for processes to share: children inherit it. It goes away with the last process that has
 * it. undefined: only Linux has such memory, or it has none left.
 */
export function createSharedMemory(bytes: number): number | undefined {
  if (memory === undefined || process.platform !== "linux") return undefined;
  const fd = memory.memfd_create(Buffer.from("heddle\0"), MFD_CLOEXEC);
  if (fd < 0) return undefined;
  if (memory.ftruncate(fd, BigInt(bytes)) === 0) return fd;
  closeFd(fd);
  return undefined;
}

/** The memory behind such a descriptor, until this process ends. @throws Error: it cannot be mapped */
export function mapSharedMemory(fd: number, bytes: number): ArrayBuffer {
  const address = memory!.mmap(null, BigInt(bytes), PROT_READ_WRITE, MAP_SHARED, fd, 0n);
  if (address === MAP_FAILED) throw new Error(`cannot map ${count(bytes, "byte")} of descriptor ${fd}`);
  return toArrayBuffer!(address, bytes, false);
}

/** Linux's `CPUCLOCK_SCHED`: what the scheduler has counted, for the whole process. */
const CPUCLOCK_SCHED = 2;
/** `struct timespec` on a 64-bit machine. */
const cpuTime = Buffer.alloc(16);

/**
 * The CPU seconds that all threads of a process have used, the ended ones too, to the nanosecond. undefined: there is no such
 * process, it belongs to another user, or only Linux can tell.
 */
export function cpuSecondsOf(pid: number): number | undefined {
  if (clockGettime === undefined || process.platform !== "linux") return undefined;
  if (clockGettime((~pid << 3) | CPUCLOCK_SCHED, cpuTime) !== 0) return undefined;
  return Number(cpuTime.readBigInt64LE(0)) + Number(cpuTime.readBigInt64LE(8)) / 1e9;
}
