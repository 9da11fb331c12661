/** How numbers are written for people: three digits that count, a unit, commas between thousands. */

/** `12,341`, `987`, `63.4`, `0.42`; `–` for what is no number. */
export function plain(value: number): string {
  if (!Number.isFinite(value)) return "–";
  return Math.abs(value) >= 100
    ? Math.round(value).toLocaleString("en")
    : value.toLocaleString("en", { maximumSignificantDigits: 3 });
}

/** A number of requests in flight: whole ones, but below 10 with one decimal, where half a request is much. */
export function inFlight(concurrency: number): string {
  return concurrency < 10 ? String(Math.round(concurrency * 10) / 10) : Math.round(concurrency).toLocaleString("en");
}

/** `1 request`, `1.4 requests`, `1,200 requests`. */
export function requests(concurrency: number): string {
  const number = inFlight(concurrency);
  return `${number} ${number === "1" ? "request" : "requests"}`;
}

/** `0.42 ms`, `42 ms`, `4.2 s`. */
export function milliseconds(ms: number): string {
  return ms >= 1000 ? `${plain(ms / 1000)} s` : `${plain(ms)} ms`;
}

export function perSecond(rate: number): string {
  return Number.isFinite(rate) ? `${plain(rate)}/s` : "–";
}

/** `93 %`, `0.4 %`. */
export function percent(share: number): string {
  const value = share * 100;
  return `${value !== 0 && Math.abs(value) < 1 ? value.toLocaleString("en", { maximumSignificantDigits: 1 }) : Math.round(value).toLocaleString("en")} %`;
}

/** Time spent or left: `45 s`, `2 min 41 s`. */
export function timeSpan(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  return whole % 60 === 0 ? `${whole / 60} min` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** `7.6 GiB`. */
export function gibibytes(bytes: number): string {
  return `${plain(bytes / 2 ** 30)} GiB`;
}
