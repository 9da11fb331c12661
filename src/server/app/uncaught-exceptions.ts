/**
 * Whether an app handles its uncaught exceptions itself: it has a listener for them beside heddle's. Then heddle does nothing.
 *
 * Sentry listens as well, but only reports: with any other listener present, heddle's too, it leaves the rest to that. It marks its
 * listener for others that count listeners.
 */

const REPORTS_ONLY = "_errorHandler";

/** `own`: heddle's listener on this thread. */
export function isHandledByApp(own: NodeJS.UncaughtExceptionListener): boolean {
  return process
    .listeners("uncaughtException")
    .some((listener) => listener !== own && Reflect.get(listener, REPORTS_ONLY) !== true);
}
