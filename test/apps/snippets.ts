/** Lines that many applications have in the same way. */

/** Closes `server` at SIGTERM, as Node's documentation has it, and writes that it has. For an ES module. */
export const closesAtSigterm: string = `import { appendFileSync as append } from "node:fs";

process.on("SIGTERM", () => {
  server.close(() => {
    append(process.env.CLEANUP_FILE, "closed\\n");
    process.exit(0);
  });
});
`;
