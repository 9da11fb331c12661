/**
 * `heddle serve` as a child of `heddle tune`. It ends with its parent, however that ends: the channel between them breaks also when the
 * parent is killed, and nobody would end the server then. Its arguments are those of `heddle`.
 */

process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
// The channel alone keeps no process alive.
process.channel?.unref();

await import(new URL("../../bin/heddle.js", import.meta.url).href);
