// For which names the trial server answers. A page of another site can give its own name the
// address of this machine (DNS rebinding); the browser then takes the form for a part of that site.
// The header Host still has that name, so a name that nobody gave to this server is refused.

/**
 * Whether a request with this Host may be answered. An address of numbers cannot be rebound, and
 * who sends no Host is no browser.
 */
export function isKnownHost(header: string | undefined, names: readonly string[]): boolean {
  if (header === undefined) return true
  const host = /^(\[[0-9A-Fa-f:.]+\]|[^:[\]]+?)\.?(?::\d*)?$/.exec(header)?.[1]?.toLowerCase()
  if (host === undefined) return false
  if (host.startsWith('[') || isFourNumbers(host) || host === 'localhost') return true
  return names.some((name) => name.toLowerCase() === host)
}

/** Browsers write each address of IPv4 in this one way. */
function isFourNumbers(host: string): boolean {
  const numbers = host.split('.')
  return numbers.length === 4 && numbers.every((text) => /^\d{1,3}$/.test(text))
}
