/** hey: Go, net/http. Its rate is one of each worker. */
import { aptInstall } from "../peers/apt-install.ts";
import { type LoadGenerator, runProgram } from "./generator.ts";

export const hey: LoadGenerator = {
  name: "hey",
  install: () => aptInstall(["hey"]),
  async run(url, options) {
    const { connections, seconds, rate } = options;
    const rates = rate === undefined ? [] : ["-q", String(rate / connections)];
    const command = ["hey", "-z", `${seconds}s`, "-c", String(connections), "-cpus", "1", ...rates, `${url}/`];
    const { output, cores } = await runProgram(command, options);
    const percentMs = (share: number): number => 1000 * numberIn(output, new RegExp(`${share}% in ([\\d.]+) secs`));
    const answers = [...output.matchAll(/\[(\d+)\]\s+(\d+) responses/g)];
    const bad = answers.filter(([, status]) => status !== "200").reduce((sum, [, , count]) => sum + Number(count), 0);
    const requestsPerSecond = numberIn(output, /Requests\/sec:\s+([\d.]+)/);
    return { requestsPerSecond, cores, p50Ms: percentMs(50), p99Ms: percentMs(99), errors: bad };
  },
};

function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? Number.NaN);
}
