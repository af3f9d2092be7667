// Who sends a request, for every limit and for the log: the invitation by which it comes, else the
// user whom the server authenticated, else the address. The address is REMOTE_ADDR; if that is a
// trusted proxy, it is the last address of X-Forwarded-For that is not one (the visitor may have
// written what is before it). It refuses nothing: where the address cannot be known, all such
// visitors are one sender.

import { isInside, type Network, networkOf, networkText, parseNetwork } from './network.ts'
import type { CgiRequest } from './request.ts'

export type Sender = {
  /**
   * Different for different senders: `invitation Acme`, `user ann`, `address 192.0.2.1`, `address
   * 2001:db8::/64`.
   */
  readonly key: string
  /** Many visitors who cannot be distinguished: they have ten times the limits of one. */
  readonly isShared: boolean
}

type Connection = Pick<CgiRequest, 'remoteAddress' | 'remoteUser' | 'forwardedFor'>

/** How much of an address is written down. */
export type AddressDetail = 'full' | 'network' | 'none'

/** What the owner's settings say of it. */
type Rules = { readonly trustedProxies: readonly Network[]; readonly logAddress: AddressDetail }

/**
 * `invitation`: its name; '' for none. An IPv6 address counts by its /64, which is what one
 * household or one machine has.
 */
export function senderOf(
  connection: Connection,
  { trustedProxies }: Pick<Rules, 'trustedProxies'>,
  invitation = '',
): Sender {
  if (invitation !== '') return { key: `invitation ${invitation}`, isShared: false }
  if (connection.remoteUser !== '') return { key: `user ${connection.remoteUser}`, isShared: false }
  const address = addressOf(connection, trustedProxies)
  if (address === undefined) return { key: 'address unknown', isShared: true }
  return { key: `address ${networkText(networkOf(address, 32, 64))}`, isShared: false }
}

/** For the log: the address, its network (IPv4 /24, IPv6 /48), `unknown`, or undefined for none. */
export function addressText(
  connection: Connection,
  { trustedProxies, logAddress }: Rules,
): string | undefined {
  if (logAddress === 'none') return undefined
  const address = addressOf(connection, trustedProxies)
  if (address === undefined) return 'unknown'
  return networkText(logAddress === 'full' ? address : networkOf(address, 24, 48))
}

/**
 * What to tell the owner of a proxy that `trusted_proxies` does not name, though the addresses of
 * visitors come from it alone; '' when all is well.
 */
export function unknownProxyText(
  connection: Connection,
  { trustedProxies, logAddress }: Rules,
): string {
  if (connection.forwardedFor === '') return ''
  const peer = parseNetwork(connection.remoteAddress)
  if (peer === undefined || !isUnvouched(peer, trustedProxies)) return ''
  const shown = logAddress === 'full' ? peer : networkOf(peer, 24, 48)
  const name = logAddress === 'none' ? 'ADDRESS OF YOUR PROXY' : networkText(shown)
  return (
    'X-Forwarded-For comes from a machine that trusted_proxies does not name, so the addresses ' +
    'of visitors are unknown and all of them count as one sender: if that machine is your ' +
    `proxy, set trusted_proxies = ["${name}"]`
  )
}

/** Undefined when it is unknown. */
function addressOf(
  { remoteAddress, forwardedFor }: Connection,
  trustedProxies: readonly Network[],
): Network | undefined {
  const peer = parseNetwork(remoteAddress)
  if (peer === undefined || forwardedFor === '') return peer
  if (!isOneOf(peer, trustedProxies)) return isUnvouched(peer, trustedProxies) ? undefined : peer
  let address: Network | undefined = peer
  for (const entry of forwardedFor.split(',').toReversed()) {
    address = parseNetwork(withoutPort(entry.trim()))
    if (address === undefined || !isOneOf(address, trustedProxies)) return address
  }
  return address
}

/** A proxy is in the own network or on this machine; whoever connects from outside is a visitor. */
function isUnvouched(peer: Network, trustedProxies: readonly Network[]): boolean {
  return !isOneOf(peer, trustedProxies) && isOneOf(peer, privateNetworks())
}

function isOneOf(address: Network, networks: readonly Network[]): boolean {
  return networks.some((network) => isInside(address, network))
}

/** Some proxies write `192.0.2.1:51234` and `[2001:db8::1]:51234`. */
function withoutPort(entry: string): string {
  const [, bracketed, four] = /^(?:\[([^\]]*)\]|([0-9.]+))(?::[0-9]+)?$/.exec(entry) ?? []
  return bracketed ?? four ?? entry
}

/** Loopback, private, link-local, and what hosts use between their machines (RFC 6598). */
function privateNetworks(): readonly Network[] {
  const texts = [
    ...['127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16'],
    ...['100.64.0.0/10', '::1', 'fc00::/7', 'fe80::/10'],
  ]
  return texts.map(parseNetwork).filter((network) => network !== undefined)
}
