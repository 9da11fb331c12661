import type { AppRecord } from "../record.ts";
import { get } from "../requests.ts";

const app: AppRecord = {
  name: "esbuild-register",
  group: "Preloads",
  about:
    '`--require esbuild-register`: an enum, decorators, imports without extensions; `"type": "commonjs"` in package.json',
  packages: { "esbuild-register": "3.6.0", esbuild: "0.25.12", express: "5.3.0" },
  installScripts: ["esbuild"],
  nodeOptions: "--require esbuild-register",
  main: "app.ts",
  files: {
    "package.json": '{ "private": true, "type": "commonjs" }\n',
    "tsconfig.json": JSON.stringify({ compilerOptions: { target: "es2022", experimentalDecorators: true } }),
    "greeter.ts": `
export enum Tone {
  Loud = "LOUD",
}
function logged(target: unknown, name: string, descriptor: PropertyDescriptor) {
  const { value } = descriptor;
  descriptor.value = function (...args: unknown[]) {
    return name + ": " + value.apply(this, args);
  };
}
export class Greeter {
  constructor(private readonly tone: Tone) {}
  @logged
  greet(name: string): string {
    return this.tone + " " + name;
  }
}
`,
    "app.ts": `
import express from "express";
import { appendFileSync } from "node:fs";
import { Greeter, Tone } from "./greeter";

const app = express();
app.get("/:name", (req, res) => void res.send(new Greeter(Tone.Loud).greet(req.params.name)));
const server = app.listen(process.env.PORT);
process.on("SIGTERM", () => {
  server.close(() => {
    appendFileSync(process.env.CLEANUP_FILE!, "closed\\n");
    process.exit(0);
  });
});
`,
  },
  requests: [get("/matrix")],
};

export default app;
