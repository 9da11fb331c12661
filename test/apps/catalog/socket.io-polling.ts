import { exchange } from "../client.ts";
import type { AppRecord } from "../record.ts";
import { custom } from "../requests.ts";

const REFUSED =
  "`--sticky` is refused with this model: a handler thread takes any request of its pool, so no client has one of its own.";

const app: AppRecord = {
  name: "socket.io-polling",
  group: "Realtime",
  about: "its default transports, long polling first; served with `--sticky cookie`",
  packages: { "socket.io": "4.8.4" },
  args: ["--sticky", "cookie"],
  files: {
    "app.mjs": `
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
import { Server } from "socket.io";

const server = createServer((req, res) => res.end("plain\\n"));
const io = new Server(server);
io.on("connection", (socket) => {
  socket.on("echo", (text, reply) => reply("echo " + text));
});
server.listen(process.env.PORT);
process.on("SIGTERM", async () => {
  await io.close();
  appendFileSync(process.env.CLEANUP_FILE, "closed\\n");
  process.exit(0);
});
`,
  },
  requests: [
    // Without its headers: heddle adds its cookie.
    custom("GET /", async (target) => {
      const { status, body } = await exchange(target, { method: "GET", path: "/" });
      return { status, body };
    }),
    ...[1, 2, 3, 4].map((client) =>
      custom(`client ${client}: connect by polling, and three events`, async (target) => {
        let cookie: string | undefined;
        let path = "/socket.io/?EIO=4&transport=polling";
        // Each request has a connection of its own.
        const send = async (body?: string): Promise<string> => {
          const answer = await exchange(target, {
            method: body === undefined ? "GET" : "POST",
            path,
            headers: {
              ...(cookie === undefined ? {} : { cookie }),
              ...(body === undefined ? {} : { "content-type": "text/plain;charset=UTF-8" }),
            },
            body: body === undefined ? undefined : Buffer.from(body),
          });
          const given = answer.headers?.["set-cookie"] as readonly string[] | undefined;
          cookie = given?.[0]?.split(";")[0] ?? cookie;
          return `${answer.status} ${String(answer.body)}`;
        };
        const masked = (text: string): string => text.replaceAll(/"sid":"[^"]+"/g, '"sid":"…"');
        const opened = await send();
        path += `&sid=${/"sid":"([^"]+)"/.exec(opened)?.[1]}`;
        const seen = [masked(opened), await send("40"), masked(await send())];
        for (let event = 0; event < 3; event++) {
          seen.push(await send(`42${event}["echo","${event}"]`));
          seen.push(await send());
        }
        return seen;
      }),
    ),
  ],
  exceptions: [
    { check: "starts", shapes: ["model threads"], why: REFUSED },
    { check: "monitoring", shapes: ["model threads"], why: REFUSED },
  ],
};

export default app;
