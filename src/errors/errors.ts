export { HeddleError, messageOf, type HeddleErrorOptions } from "./heddle-error.ts";
export { packThrown, revive, unpackThrown, type WireThrown } from "./revive.ts";
export { errorCodes, errorTable, isErrorCode, type ErrorCode, type ErrorRecord } from "./table.ts";
export { fromWire, toWire, type WireError } from "./wire.ts";
