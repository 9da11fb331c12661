/** What `heddle/shared` may keep in the arbiter's memory. */
export const sharedSettings = {
  sharedMemoryBytes: {
    flag: "shared-memory",
    kind: "size",
    max: 1_073_741_824,
    default: "64MiB",
    doc: "How much the app may keep in `heddle/shared`, at most 1 GiB; what was used least recently is evicted. 0 turns it off.",
  },
  sharedValueBytes: {
    flag: "shared-value",
    kind: "size",
    min: 8,
    max: 16_777_216,
    default: "1MiB",
    doc: "Largest single value or message in `heddle/shared`, at most 16 MiB.",
  },
} as const;
