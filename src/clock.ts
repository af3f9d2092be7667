// The clock by which durations are measured, which nobody sets.

/**
 * Milliseconds, with a fraction. All processes share this clock since the start of the machine, and
 * it does not move while the machine sleeps. `process.hrtime()`, because Node loads ten modules
 * when somebody first asks for `performance`.
 */
export function steadyMilliseconds(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1000 + nanoseconds / 1e6
}
