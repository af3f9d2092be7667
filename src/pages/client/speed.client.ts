// The speed that the page shows: that of all files together, over the last four seconds.

export class SpeedMeter {
  /** Times, and how many bytes were sent by then. */
  readonly #marks: [number, number][] = []

  /** So many bytes count as sent before: an earlier visit sent them, or they are sent again. */
  skip(bytes: number): void {
    for (const mark of this.#marks) mark[1] += bytes
  }

  /** Bytes a second; 0 while it is not known. */
  perSecond(sentBytes: number): number {
    const now = performance.now()
    this.#marks.push([now, sentBytes])
    while (this.#marks.length > 2 && now - (this.#marks[0]?.[0] ?? now) > 4000) this.#marks.shift()
    const [from, bytes] = this.#marks[0] ?? [now, 0]
    return now - from < 500 ? 0 : Math.max(0, ((sentBytes - bytes) / (now - from)) * 1000)
  }
}
