// "Did you mean …?": finds the known word that is nearest to an unknown one.

/** '' when none is near enough to be meant: every one has over a third of its letters wrong. */
export function nearest(word: string, known: readonly string[]): string {
  const written = plain(word)
  let best = ''
  let least = Math.floor(written.length / 3) + 1
  for (const candidate of known) {
    const distance = editDistance(written, plain(candidate), least)
    if (distance < least) {
      least = distance
      best = candidate
    }
  }
  return best
}

/** maxFileSize and max-file-size are other ways to write max_file_size and count as equal. */
function plain(word: string): string {
  return word
    .slice(0, 40)
    .replace(/[a-z0-9](?=[A-Z])/g, '$&_')
    .toLowerCase()
    .replaceAll('-', '_')
}

/**
 * The number of letters inserted, removed, replaced or exchanged with their neighbour (the optimal
 * string alignment distance); at most `enough`, for the caller wants no more than that.
 */
function editDistance(one: string, other: string, enough: number): number {
  if (Math.abs(one.length - other.length) >= enough) return enough
  let before: number[] = []
  let last = Array.from({ length: other.length + 1 }, (_, i) => i)
  for (let i = 1; i <= one.length; i++) {
    const row = [i]
    for (let j = 1; j <= other.length; j++) {
      const differs = one[i - 1] === other[j - 1] ? 0 : 1
      const step = [(last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + differs]
      const isExchange = one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]
      if (i > 1 && j > 1 && isExchange) step.push((before[j - 2] ?? 0) + 1)
      row.push(Math.min(...step))
    }
    before = last
    last = row
  }
  return last.at(-1) ?? enough
}
