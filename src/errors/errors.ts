export { HeddleError, messageOf, type HeddleErrorOptions } from "./heddle-error.ts";
export { errorCodes, errorTable, isErrorCode, type ErrorCode, type ErrorRecord } from "./table.ts";
export { fromWire, toWire, type WireError } from "./wire.ts";
