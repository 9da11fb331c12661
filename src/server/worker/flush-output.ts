/**
 * Resolves when the app's output is written. The acceptor takes a thread's output chunk by chunk, at its own pace, and a thread
 * that ends loses the chunks that still wait.
 */
export async function printed(): Promise<void> {
  const waiting = [process.stdout, process.stderr].filter(({ writableLength }) => writableLength > 0);
  await Promise.all(waiting.map((stream) => new Promise<void>((resolve) => stream.write("", () => resolve()))));
}
