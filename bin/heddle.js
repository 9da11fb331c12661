#!/usr/bin/env node
// The first thing that runs, under whatever Node the user has: written so that an old one can read it. If it is too old,
// the `node` package beside heddle or in the project is used instead; if there is none, it says what is needed.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

// Imported, it would bring in thirty modules that are not needed: scripts/bundle.ts.
const { existsSync, fstatSync } = createRequire(import.meta.url)("node:fs");
const NEEDED = [26, 6];
const here = dirname(fileURLToPath(import.meta.url));

function isNewEnough(version) {
  const [major, minor] = version.split(".").map(Number);
  return major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1]);
}

/** The `node` package's binary in `folder` or a folder above it. */
function findNode(folder) {
  for (let at = folder; ; at = dirname(at)) {
    const candidate = join(at, "node_modules", "node", "bin", "node");
    if (existsSync(candidate)) return candidate;
    if (dirname(at) === at) return undefined;
  }
}

function isOpen(fd) {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

/** Sockets this process was started with and the other one is to have: systemd's, and those named as fd://N. */
function passedFds(isForUs) {
  const named = `${process.argv.join(" ")} ${process.env.HEDDLE_LISTEN ?? ""}`.matchAll(/\bfd:\/\/(\d+)/g);
  const last = Math.max(2, ...[...named].map(([, fd]) => Number(fd)), isForUs ? 2 + Number(process.env.LISTEN_FDS) : 0);
  return Array.from({ length: Math.min(last, 1024) - 2 }, (_, i) => (isOpen(i + 3) ? i + 3 : "ignore"));
}

function runUnder(node) {
  const args = [node, ...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  const isForUs = process.env.LISTEN_PID === String(process.pid);
  // systemd's sockets are for one process id, which only the process itself knows before it runs.
  const [command, ...rest] = isForUs ? ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", ...args] : args;
  const stdio = ["inherit", "inherit", "inherit", ...passedFds(isForUs)];
  // Behind all others: a pipe on which nothing is sent, and whose number the child gets. See endWithLauncher.
  const child = spawn(command, rest, {
    stdio: [...stdio, "pipe"],
    env: { ...process.env, NODE_HEDDLE_REEXECUTED: String(stdio.length) },
  });
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGTTIN", "SIGTTOU"]) {
    process.on(signal, () => {
      // The terminal has sent Ctrl-C to the child as well; passing it on would count as the second one.
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on("exit", (code, signal) => process.exit(signal === null ? code : 1));
}

/**
 * The other side of `runUnder`: this process ends as by SIGTERM when the one that started it has ended. One that is killed
 * passes no signal on, but the kernel closes its side of the pipe.
 */
function endWithLauncher(fd) {
  const { Socket } = process.getBuiltinModule("node:net");
  const pipe = new Socket({ fd, readable: true, writable: false });
  // A pipe that breaks says the same as one that ends.
  pipe.on("error", () => {});
  pipe.on("close", () => process.kill(process.pid, "SIGTERM"));
  pipe.resume().unref();
}

/**
 * The arbiter computes next to nothing, but loading its modules is enough for V8 to bring in its largest compiler: 5 MB
 * that are never used again. The other compilers stay; workers are processes of their own and have all of them.
 */
function spareMemory() {
  const { setFlagsFromString } = process.getBuiltinModule("node:v8");
  setFlagsFromString("--no-turbofan");
  // The young generation stays as small as it begins: 2 MB less.
  setFlagsFromString("--semi-space-growth-factor=1");
}

if (isNewEnough(process.versions.node)) {
  // V8 takes code from a cache only where its options are those it was made with: with a cache that is shared with the workers,
  // both would compile what the other has compiled, at each boot.
  if (process.argv[2] === "serve" && !process.env.NODE_COMPILE_CACHE) spareMemory();
  const launcher = Number(process.env.NODE_HEDDLE_REEXECUTED ?? 0);
  delete process.env.NODE_HEDDLE_REEXECUTED;
  if (launcher > 2) endWithLauncher(launcher);
  const compiled = join(here, "..", "dist", "cli", "main.js");
  const source = join(here, "..", "src", "cli", "main.ts");
  await import(pathToFileURL(existsSync(source) ? source : compiled).href);
} else {
  const node = process.env.NODE_HEDDLE_REEXECUTED ? undefined : (findNode(process.cwd()) ?? findNode(here));
  if (node === undefined) {
    console.error(
      `heddle needs Node ${NEEDED.join(".")} or later and runs under ${process.versions.node}. ` +
        "Install it, or add it to the project: npm install --save-dev node@26",
    );
    process.exit(1);
  }
  runUnder(node);
}
