// Holds addresses and networks to their standards: what is one and what is none, one text for each,
// and which address is inside which network.

import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { isInside, type Network, networkOf, networkText, parseNetwork } from './network.ts'

function parsed(text: string): Network {
  const network = parseNetwork(text)
  assert.ok(network, text)
  return network
}

test('one text for each address and each network', () => {
  const texts = {
    '192.0.2.1': '192.0.2.1',
    '192.0.2.1/32': '192.0.2.1',
    '192.0.2.77/24': '192.0.2.0/24',
    '0.0.0.0/0': '0.0.0.0/0',
    '::ffff:192.0.2.1': '192.0.2.1',
    '::FFFF:c000:201': '192.0.2.1',
    '::ffff:192.0.2.77/120': '192.0.2.0/24',
    '::': '::',
    '::1': '::1',
    '::/0': '::/0',
    '1::': '1::',
    '::1.2.3.4': '::102:304',
    '1:2:3:4:5:6:1.2.3.4': '1:2:3:4:5:6:102:304',
    '2001:DB8:0:0:1:0:0:1': '2001:db8::1:0:0:1',
    '2001:db8:1:2:3:4:5:6/64': '2001:db8:1:2::/64',
    '2001:db8:0:1:1:1:1:1': '2001:db8:0:1:1:1:1:1',
    'fe80::1%eth0': 'fe80::1',
  }
  for (const [written, text] of Object.entries(texts)) {
    assert.equal(networkText(parsed(written)), text, written)
  }
})

test('what is no address is none', () => {
  const texts = [
    ...['', '1.2.3', '1.2.3.4.5', '1.2.3.256', '01.2.3.4', '1.2.3.4/33', '1.2.3.4/', '/8', '1'],
    ...['::1/129', ':', ':::', '::1::', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1::2:3:4:5:6:7:8'],
    ...['12345::', 'g::', '::1.2.3', '1.2.3.4::', 'localhost', 'unix:', 'unknown', '%eth0'],
    `${'0'.repeat(5000)}::1`,
  ]
  for (const text of texts) assert.equal(parseNetwork(text), undefined, text)
})

test('every address that Node knows is one, and none that it does not know', () => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6(), fc.stringMatching(/^[0-9a-f:.]{1,20}$/))
  fc.assert(
    fc.property(address, (text) => {
      const network = parseNetwork(text)
      assert.equal(network !== undefined, isIP(text) !== 0)
      if (network === undefined) return
      const shown = networkText(network)
      assert.notEqual(isIP(shown), 0)
      assert.deepEqual(parseNetwork(shown), network)
    }),
  )
})

test('an address is inside the networks that have its first bits', () => {
  const inside = [
    ...[
      ['10.1.2.3', '10.0.0.0/8'],
      ['10.1.2.3', '10.1.2.3'],
      ['10.1.2.3', '0.0.0.0/0'],
    ],
    ...[
      ['2001:db8::1', '2001:db8::/32'],
      ['::ffff:10.1.2.3', '10.0.0.0/8'],
      ['::1', '::/0'],
    ],
  ]
  const outside = [
    ...[
      ['11.1.2.3', '10.0.0.0/8'],
      ['10.1.2.3', '10.1.2.4'],
      ['::1', '0.0.0.0/0'],
    ],
    ...[
      ['2001:db9::1', '2001:db8::/32'],
      ['10.0.0.0/7', '10.0.0.0/8'],
      ['127.0.0.1', '::1'],
    ],
  ]
  const isIn = ([one = '', other = '']: string[]) => isInside(parsed(one), parsed(other))
  for (const pair of inside) assert.ok(isIn(pair), pair.join(' '))
  for (const pair of outside) assert.ok(!isIn(pair), pair.join(' '))
})

test('the network of an address is cut by its kind', () => {
  assert.equal(networkText(networkOf(parsed('192.0.2.77'), 24, 48)), '192.0.2.0/24')
  assert.equal(networkText(networkOf(parsed('2001:db8:1:2::3'), 24, 48)), '2001:db8:1::/48')
})
