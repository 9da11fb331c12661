/** Why a thread drains, as passed to the app's `onDrain`: another generation has taken over, the worker is replaced (age,
 * memory, a signal), the number of workers was reduced, the server stops, or only this thread is replaced after an uncaught
 * exception.
 */
export type DrainReason = "reload" | "recycle" | "scale" | "stop" | "replace";
