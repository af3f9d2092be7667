// Holds the sender of a request to its rule: the user, else the address that nobody but a trusted
// proxy can choose, else one sender for all.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseNetwork } from './network.ts'
import { type AddressDetail, addressText, senderOf, unknownProxyText } from './sender.ts'

const visitor = { remoteAddress: '192.0.2.7', remoteUser: '', forwardedFor: '' }
const shared = { key: 'address unknown', isShared: true }

function rules(trusted: readonly string[] = [], logAddress: AddressDetail = 'full') {
  const networks = trusted.map(parseNetwork).filter((network) => network !== undefined)
  return { trustedProxies: networks, logAddress }
}

function keyOf(remoteAddress: string, forwardedFor: string, ...trusted: string[]): string {
  return senderOf({ ...visitor, remoteAddress, forwardedFor }, rules(trusted)).key
}

test('a user is a sender, wherever the request comes from', () => {
  const ann = { key: 'user ann', isShared: false }
  assert.deepEqual(senderOf({ ...visitor, remoteUser: 'ann' }, rules()), ann)
  assert.deepEqual(senderOf({ ...visitor, remoteAddress: '', remoteUser: 'ann' }, rules()), ann)
})

test('an IPv4 address is a sender, and so is an IPv6 network of 64 bits', () => {
  assert.deepEqual(senderOf(visitor, rules()), { key: 'address 192.0.2.7', isShared: false })
  assert.equal(keyOf('::ffff:192.0.2.7', ''), 'address 192.0.2.7')
  assert.equal(keyOf('2001:db8:1:2:3:4:5:6', ''), 'address 2001:db8:1:2::/64')
  assert.equal(keyOf('2001:db8:1:2::1', ''), 'address 2001:db8:1:2::/64')
})

test('a public address counts, whatever it says of others', () => {
  assert.equal(keyOf('192.0.2.7', '198.51.100.1'), 'address 192.0.2.7')
  assert.equal(keyOf('192.0.2.7', '198.51.100.1', '10.0.0.1'), 'address 192.0.2.7')
})

test('what a trusted proxy saw counts, and nothing that stands before it', () => {
  const header = '203.0.113.9, 198.51.100.1, 10.0.0.3'
  assert.equal(keyOf('10.0.0.1', header, '10.0.0.0/8'), 'address 198.51.100.1')
  assert.equal(keyOf('10.0.0.1', header, '10.0.0.1'), 'address 10.0.0.3')
  assert.equal(keyOf('192.0.2.7', header, '192.0.2.7', '10.0.0.3'), 'address 198.51.100.1')
  assert.equal(keyOf('::1', '2001:db8:1:2::1', '::1'), 'address 2001:db8:1:2::/64')
  for (const entry of ['198.51.100.1:51234', '[::ffff:198.51.100.1]:443', ' 198.51.100.1 ']) {
    assert.equal(keyOf('10.0.0.1', entry, '10.0.0.1'), 'address 198.51.100.1', entry)
  }
})

test('trusted machines that speak for themselves are senders', () => {
  assert.equal(keyOf('10.0.0.1', '', '10.0.0.0/8'), 'address 10.0.0.1')
  assert.equal(keyOf('10.0.0.1', '10.0.0.9, 10.0.0.2', '10.0.0.0/8'), 'address 10.0.0.9')
})

test('where the address is unknown all are one sender', () => {
  for (const remoteAddress of ['', 'unix:', 'localhost']) {
    assert.deepEqual(senderOf({ ...visitor, remoteAddress }, rules()), shared, remoteAddress)
  }
  const proxies = ['127.0.0.1', '::1', '10.0.0.1', '172.16.0.1', '192.168.0.1', '169.254.0.1']
  for (const remoteAddress of [...proxies, '100.64.0.1', 'fd00::1', 'fe80::1%eth0']) {
    const connection = { ...visitor, remoteAddress, forwardedFor: '198.51.100.1' }
    assert.deepEqual(senderOf(connection, rules()), shared, remoteAddress)
    assert.equal(addressText(connection, rules()), 'unknown')
    assert.match(unknownProxyText(connection, rules()), /set trusted_proxies = \["[^"%]+"\]$/)
    assert.equal(senderOf({ ...connection, forwardedFor: '' }, rules()).isShared, false)
  }
  assert.equal(keyOf('10.0.0.1', 'unknown', '10.0.0.1'), 'address unknown')
  assert.equal(keyOf('10.0.0.1', '198.51.100.1,', '10.0.0.1'), 'address unknown')
})

test('the log has as much of an address as its owner wants', () => {
  const six = { ...visitor, remoteAddress: '2001:db8:1:2::3' }
  assert.equal(addressText(visitor, rules([], 'full')), '192.0.2.7')
  assert.equal(addressText(visitor, rules([], 'network')), '192.0.2.0/24')
  assert.equal(addressText(six, rules([], 'full')), '2001:db8:1:2::3')
  assert.equal(addressText(six, rules([], 'network')), '2001:db8:1::/48')
  assert.equal(addressText(six, rules([], 'none')), undefined)
})

test('the remedy names the proxy no more exactly than the log does', () => {
  const proxied = { ...visitor, remoteAddress: '10.0.0.1', forwardedFor: '198.51.100.1' }
  assert.match(unknownProxyText(proxied, rules([], 'full')), /"10\.0\.0\.1"/)
  assert.match(unknownProxyText(proxied, rules([], 'network')), /"10\.0\.0\.0\/24"/)
  assert.doesNotMatch(unknownProxyText(proxied, rules([], 'none')), /10\.0/)
  assert.equal(unknownProxyText(proxied, rules(['10.0.0.1'])), '')
})
