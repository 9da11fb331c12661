import type { AppRecord } from "../record.ts";
import typed from "./esbuild-register.ts";

const { "package.json": _manifest, ...files } = typed.files as Record<string, string>;

const app: AppRecord = {
  ...typed,
  name: "esbuild-register-typeless",
  about: "the same without a type in package.json",
  files,
};

export default app;
