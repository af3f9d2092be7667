// Addresses of machines and networks as text → numbers that can be compared: IPv4, IPv6
// (RFC 4291, RFC 5952) and CIDR (RFC 4632). It refuses everything else, and never guesses.

/** `bits` of the address count; the others are 0. */
export type Network = { readonly address: Address; readonly bits: number }

/** Eight groups of 16 bits. An IPv4 address is the IPv6 address ::ffff:a.b.c.d. */
type Address = readonly number[]

/**
 * One address or a network, `192.0.2.0/24`; undefined for anything else. Bits after the network's
 * length are cleared.
 */
export function parseNetwork(text: string): Network | undefined {
  if (text.length > maxTextLength) return undefined
  const [, host = '', length] = /^([^/]*)(?:\/([0-9]{1,3}))?$/.exec(text) ?? []
  const address = parseAddress(host)
  if (address === undefined) return undefined
  const most = isFourBytes(address) && !host.includes(':') ? 32 : 128
  const bits = length === undefined ? most : Number(length)
  return bits > most ? undefined : cut({ address, bits: bits + 128 - most }, bits + 128 - most)
}

/** The network of the first `fourBits` of an IPv4 address or the first `sixBits` of an IPv6 one. */
export function networkOf(network: Network, fourBits: number, sixBits: number): Network {
  return cut(network, isFourBytes(network.address) ? 96 + fourBits : sixBits)
}

export function isInside(one: Network, network: Network): boolean {
  if (one.bits < network.bits) return false
  const start = cut(one, network.bits).address
  return start.every((group, i) => group === network.address[i])
}

/** `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/64`: one text for each network. */
export function networkText({ address, bits }: Network): string {
  const isFour = isFourBytes(address) && bits >= 96
  const [whole, length] = isFour ? [fourText(address), bits - 96] : [sixText(address), bits]
  return bits === 128 ? whole : `${whole}/${length}`
}

function cut({ address, bits }: Network, most: number): Network {
  const kept = Math.min(bits, most)
  const groups = address.map((group, i) => {
    const room = Math.max(0, Math.min(16, kept - 16 * i))
    return group & (0xffff << (16 - room)) & 0xffff
  })
  return { address: groups, bits: kept }
}

/** The zone of a link-local address (`%eth0`, RFC 4007) names a card of this machine: it is cut. */
function parseAddress(text: string): Address | undefined {
  const four = parseFour(text)
  if (four !== undefined) return [0, 0, 0, 0, 0, 0xffff, ...four]
  const [plain = ''] = text.split('%', 1)
  const [, start = plain, last = ''] = /^(.*:)([0-9.]+\.[0-9]+)$/.exec(plain) ?? []
  const tail = last === '' ? [] : parseFour(last)
  if (tail === undefined) return undefined
  const halves = (tail.length > 0 && !start.endsWith('::') ? start.slice(0, -1) : start).split('::')
  const [left, right = []] = halves.map((half) => (half === '' ? [] : half.split(':')))
  if (left === undefined || halves.length > 2) return undefined
  if (![...left, ...right].every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined
  const missing = 8 - left.length - right.length - tail.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  const numbers = (groups: readonly string[]) => groups.map((group) => Number.parseInt(group, 16))
  return [...numbers(left), ...Array<number>(missing).fill(0), ...numbers(right), ...tail]
}

/** Two groups. A leading zero is refused: some readers take such a number for an octal one. */
function parseFour(text: string): readonly [number, number] | undefined {
  if (!/^(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2})){3}$/.test(text)) return undefined
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number)
  return Math.max(a, b, c, d) > 255 ? undefined : [a * 256 + b, c * 256 + d]
}

function isFourBytes(address: Address): boolean {
  return address[5] === 0xffff && address.slice(0, 5).every((group) => group === 0)
}

function fourText(address: Address): string {
  return address
    .slice(6)
    .map((group) => `${group >> 8}.${group & 0xff}`)
    .join('.')
}

/** The first of the longest runs of zeros becomes `::` (RFC 5952). */
function sixText(address: Address): string {
  const text = address.map((group) => group.toString(16)).join(':')
  const runs = text.match(/\b0(:0)+\b/g) ?? []
  const longest = runs.reduce((most, run) => (run.length > most.length ? run : most), '')
  if (longest === '') return text
  const at = new RegExp(`\\b${longest}\\b`).exec(text)?.index ?? 0
  const [left, right] = [text.slice(0, at), text.slice(at + longest.length)]
  return `${left.replace(/:$/, '')}::${right.replace(/^:/, '')}`
}

/** More than the longest address, its zone and its length have. */
const maxTextLength = 80
