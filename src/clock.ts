// The clock by which durations are measured, which nobody sets; and how much the clocks of several
// machines, which people set, may differ.

/** How far the clocks of two machines may be apart that share the directory, in ms. */
export const apartMilliseconds = 2 * 3_600_000

/**
 * Milliseconds, with a fraction. All processes share this clock since the start of the machine, and
 * it does not move while the machine sleeps. `process.hrtime()`, because Node loads ten modules
 * when somebody first asks for `performance`.
 */
export function steadyMilliseconds(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1000 + nanoseconds / 1e6
}
