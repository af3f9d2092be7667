// Moments that an owner writes: a day, which means its end, or a day and a time. Without a zone
// they are the machine's (RFC 3339 otherwise, with a blank allowed before the time). A day that the
// calendar does not have is refused.

/**
 * Milliseconds since 1970; undefined for what is no moment. A date of TOML, which is a Date here,
 * counts as it was written.
 */
export function parseMoment(written: unknown): number | undefined {
  const text = written instanceof Date ? written.toISOString() : written
  if (typeof text !== 'string') return undefined
  const [, date = '', time, zone = ''] = pattern.exec(text) ?? []
  const [year = 0, month = 0, day = 0] = date.split('-').map(Number)
  const midnight = new Date(year, month - 1, day)
  if (midnight.getMonth() !== month - 1 || midnight.getDate() !== day) return undefined
  if (time === undefined) return new Date(year, month - 1, day + 1).getTime()
  const moment = Date.parse(`${date}T${time}${zone.toUpperCase()}`)
  return Number.isNaN(moment) ? undefined : moment
}

/** As parseMoment() reads it, in the zone of the machine; a day where that says it all. */
export function momentText(moment: number): string {
  const before = new Date(moment - 1)
  const isEndOfDay = new Date(moment).getDate() !== before.getDate()
  const last = isEndOfDay ? before : new Date(moment)
  const day = [last.getFullYear(), last.getMonth() + 1, last.getDate()].map(twoDigits).join('-')
  if (isEndOfDay) return day
  return `${day} ${[last.getHours(), last.getMinutes()].map(twoDigits).join(':')}`
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0')
}

const pattern =
  /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)(Z|z|[+-]\d\d:\d\d)?)?$/
