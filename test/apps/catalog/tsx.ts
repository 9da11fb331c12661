import type { AppRecord } from "../record.ts";
import { get } from "../requests.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "tsx",
  group: "Preloads",
  about: "`--import tsx`: an enum, decorators, parameter properties, an import without its extension, JSX",
  packages: { tsx: "4.23.15", express: "5.3.0" },
  nodeOptions: "--import tsx",
  main: "app.ts",
  files: {
    "tsconfig.json": JSON.stringify({
      compilerOptions: {
        target: "es2022",
        module: "esnext",
        experimentalDecorators: true,
        jsx: "react",
        jsxFactory: "h",
      },
    }),
    "greeter.ts": `
export enum Tone {
  Loud = "LOUD",
  Quiet = "quiet",
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
    return this.tone === Tone.Loud ? name.toUpperCase() : name;
  }
}
`,
    "page.tsx": `
function h(name: string, _: unknown, ...children: unknown[]): string {
  return "<" + name + ">" + children.join("") + "</" + name + ">";
}
export const page = (title: string) => <h1>hello {title}</h1>;
`,
    "app.ts": `
import express from "express";
import { Greeter, Tone } from "./greeter";
import { page } from "./page";

const app = express();
app.get("/page", (req, res) => void res.send(page("matrix")));
app.get("/:name", (req, res) => void res.send(new Greeter(Tone.Loud).greet(req.params.name)));
const server = app.listen(process.env.PORT);
${closesAtSigterm}`,
  },
  requests: [get("/matrix"), get("/page")],
};

export default app;
