/** Footnotes that several records share. */

export const UPGRADES =
  "Upgrades such as WebSockets need the model `loop`. Handler threads answer them with 501; see [choosing a model](../guide/choosing-a-model.md).";
