/** Drives a headless Chromium over its pipe (https://chromedevtools.github.io/devtools-protocol/): no port, no package. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
const PATIENCE_MS = 60_000;

/** The browser's command; installed with apt-get if there is none and this is root on Debian or Ubuntu. */
export function findChromium(): string {
  const found = installed();
  if (found !== undefined) return found;
  if (process.getuid?.() === 0) {
    console.log("installing chromium with apt-get");
    for (const args of [["update"], ["install", "-y", "--no-install-recommends", "chromium"]]) {
      spawnSync("apt-get", ["-q", ...args], { stdio: "inherit" });
    }
  }
  const command = installed();
  if (command === undefined) throw new Error(`no browser: install one of ${NAMES.join(", ")}`);
  return command;
}

function installed(): string | undefined {
  return NAMES.find((name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0);
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

export class Browser {
  readonly #child: ChildProcess;
  readonly #profile: string;
  readonly #pending = new Map<number, PromiseWithResolvers<Readonly<Record<string, unknown>>>>();
  /** What a page has said and asked for, in order. */
  readonly events: Message[] = [];
  #unfinished = "";
  #lastId = 0;
  #session = "";

  private constructor(command: string) {
    this.#profile = mkdtempSync(join(tmpdir(), "heddle-browser-"));
    const root = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
    const flags = [
      "--headless",
      "--disable-gpu",
      "--hide-scrollbars",
      "--no-first-run",
      "--disable-background-networking",
    ];
    this.#child = spawn(command, [...flags, ...root, "--remote-debugging-pipe", `--user-data-dir=${this.#profile}`], {
      stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
    });
    const from = this.#child.stdio[4] as Readable;
    from.setEncoding("utf8");
    from.on("data", (text: string) => this.#read(text));
    this.#child.once("exit", () => {
      for (const { reject } of this.#pending.values()) reject(new Error("the browser exited"));
    });
  }

  static async start(command: string): Promise<Browser> {
    const browser = new Browser(command);
    const { targetId } = await browser.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await browser.send("Target.attachToTarget", { targetId, flatten: true });
    browser.#session = String(sessionId);
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await browser.send(`${domain}.enable`);
    return browser;
  }

  async send(method: string, params: object = {}): Promise<Readonly<Record<string, unknown>>> {
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<Readonly<Record<string, unknown>>>();
    this.#pending.set(id, answer);
    const session = this.#session === "" ? {} : { sessionId: this.#session };
    (this.#child.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, ...session })}\0`);
    const timer = setTimeout(() => answer.reject(new Error(`no answer to ${method}`)), PATIENCE_MS);
    try {
      return await answer.promise;
    } finally {
      clearTimeout(timer);
      this.#pending.delete(id);
    }
  }

  /** The value of an expression in the page, as JSON. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression, returnByValue: true });
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { readonly value: T }).value;
  }

  async open(url: string): Promise<void> {
    const seen = this.events.length;
    await this.send("Page.navigate", { url });
    const isLoaded = (): boolean => this.events.slice(seen).some(({ method }) => method === "Page.loadEventFired");
    const deadlineMs = performance.now() + PATIENCE_MS;
    while (!isLoaded()) {
      if (performance.now() > deadlineMs) throw new Error(`${url} was not loaded`);
      await this.send("Page.getLayoutMetrics");
    }
  }

  async close(): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.kill();
    await exited;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  #read(text: string): void {
    const messages = (this.#unfinished + text).split("\0");
    this.#unfinished = messages.pop()!;
    for (const each of messages) {
      const message = JSON.parse(each) as Message;
      if (message.id === undefined) this.events.push(message);
      else if (message.error === undefined) this.#pending.get(message.id)?.resolve(message.result ?? {});
      else this.#pending.get(message.id)?.reject(new Error(message.error.message));
    }
  }
}
