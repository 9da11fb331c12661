/** Waits for a warning of this process. */

/** The next one with this code. On a busy machine others may come before it, such as that a thread stands still. */
export function warningOf(code: string): Promise<Error> {
  return new Promise((resolve) => {
    process.on("warning", function listen(warning: Error & { readonly code?: string }) {
      if (warning.code !== code) return;
      process.off("warning", listen);
      resolve(warning);
    });
  });
}
