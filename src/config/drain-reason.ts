/**
 * Why a thread lets go of what it serves, as the app's `onDrain` is told: another generation has taken over, its worker is
 * replaced (age, memory, a signal), there are to be fewer workers, the server stops, or this thread alone is replaced after
 * an uncaught exception.
 */
export type DrainReason = "reload" | "recycle" | "scale" | "stop" | "replace";
