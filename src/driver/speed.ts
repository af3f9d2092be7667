// How fast a body comes. A sender that gives less than 1 KB a second, averaged over a minute, holds
// a process that others wait for. It is judged whenever bytes arrive; total silence is left to the
// server's own time-out. Only the time in which we wait for bytes counts, so that a slow disk is
// not the sender's fault.

/** Where a body comes from: a server, or a test. */
export type Source = {
  /** Reads at most `atMost` bytes into `buffer`. Returns how many; 0 at the end of input. */
  read(buffer: Buffer, atMost: number): number
  /** The time, from any beginning. */
  milliseconds(): number
}

export class SpeedGauge {
  #waitedMilliseconds = 0
  #arrivedBytes = 0
  /** True if the last minute of waiting brought too little. It stays true. */
  isSlow = false

  /** As Source.read(). */
  read(source: Source, buffer: Buffer, atMost: number): number {
    const before = source.milliseconds()
    const count = source.read(buffer, atMost)
    this.count(count, source.milliseconds() - before)
    return count
  }

  /** So many bytes arrived after so long a wait. */
  count(bytes: number, waitedMilliseconds: number): void {
    this.#waitedMilliseconds += waitedMilliseconds
    this.#arrivedBytes += bytes
    if (this.#waitedMilliseconds < periodMilliseconds) return
    const leastBytes = (this.#waitedMilliseconds / 1000) * leastBytesPerSecond
    if (this.#arrivedBytes < leastBytes) this.isSlow = true
    this.#waitedMilliseconds = 0
    this.#arrivedBytes = 0
  }
}

const periodMilliseconds = 60_000
const leastBytesPerSecond = 1000
