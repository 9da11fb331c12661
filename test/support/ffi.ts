import { isBuiltin } from "node:module";

/**
 * Whether this Node, and those that tests start, have `node:ffi`: not before 26.10, and not under `npm run test:no-ffi`. A test that
 * depends on it asserts what the guide says of the other mode.
 */
export const hasFfi: boolean = isBuiltin("node:ffi");
