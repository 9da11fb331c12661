/**
 * What this library itself puts into a mailbox: exit and DOWN messages, requests such as `stop`, timeouts, continuations. It must
 * arrive: the limit of a mailbox does not refuse it, and `dropOldest` drops an ordinary message instead.
 */
// oxlint-disable-next-line typescript/no-extraneous-class -- for instanceof: all kinds have it in common, and nothing else
export abstract class Signal {}
