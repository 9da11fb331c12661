/** Footnotes that several records share. */

export const UPGRADES =
  "Upgrades such as WebSockets need the model `loop`. Handler threads answer them with 501; see [choosing a model](../guide/choosing-a-model.md).";

export const TRACES =
  "Under `--model threads` a tracing library sees the request on the serving thread, and the handler runs on another thread. There it has no active span, so the spans and events of the handler don't belong to the request, and the route's name is missing.";
