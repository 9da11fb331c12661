import type { AppRecord } from "../record.ts";
import typed from "./esbuild-register.ts";

const { "package.json": _manifest, ...files } = typed.files as Record<string, string>;

const app: AppRecord = {
  ...typed,
  name: "esbuild-register-typeless",
  about: "the same without a type in package.json",
  files,
  exceptions: [
    {
      check: "starts",
      why: 'A `.ts` file with `import` statements, in a package without a `"type"`, is CommonJS to `node` with a hook of `--require`, and an ES module to heddle, which such a hook does not see. Write `"type": "commonjs"` into package.json, or use a preload that hooks into both, such as tsx.',
    },
  ],
};

export default app;
