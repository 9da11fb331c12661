/**
 * Resolves when what the app has printed is out. The acceptor takes a thread's output one portion after the other, as
 * fast as it gets to it, and a thread that ends takes the portions that wait with it.
 */
export async function printed(): Promise<void> {
  const waiting = [process.stdout, process.stderr].filter(({ writableLength }) => writableLength > 0);
  await Promise.all(waiting.map((stream) => new Promise<void>((resolve) => stream.write("", () => resolve()))));
}
