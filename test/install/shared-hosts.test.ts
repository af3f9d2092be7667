// install.sh where an account has a site of its own: cPanel, DirectAdmin, Plesk, a plain home
// directory.

import assert from 'node:assert/strict'
import { chownSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { testLayout } from '../host/install-layout.ts'
import { skip, systemFor } from '../host/small-system.ts'

testLayout({
  name: 'cPanel, the account',
  paths: ['usr/local/cpanel', 'home/me/public_html'],
  uid: 1500,
  cgiBin: '/home/me/public_html/cgi-bin',
  found: /# \/home\/me\/public_html\/cgi-bin will be made, where cPanel runs/,
  uploads: '/home/me/uploads',
  user: 1500,
})

testLayout({
  name: 'DirectAdmin',
  paths: ['usr/local/directadmin', 'home/me/domains/example.org/public_html'],
  uid: 1500,
  cgiBin: '/home/me/domains/example.org/public_html/cgi-bin',
  found: /example\.org\/public_html\/cgi-bin will be made, where DirectAdmin/,
  uploads: '/home/me/uploads',
  user: 1500,
})

testLayout({
  name: 'Plesk',
  paths: ['usr/local/psa', 'home/me/httpdocs'],
  uid: 1500,
  cgiBin: '/home/me/httpdocs/cgi-bin',
  found: /httpdocs\/cgi-bin will be made, where Plesk/,
  uploads: '/home/me/uploads',
  user: 1500,
})

testLayout({
  name: 'a plain public_html',
  paths: ['home/me/public_html/cgi-bin'],
  uid: 1500,
  cgiBin: '/home/me/public_html/cgi-bin',
  found: /# found \/home\/me\/public_html\/cgi-bin/,
  uploads: '/home/me/uploads',
  user: 1500,
})

test('root on a panel is asked for the account; several domains are named', { skip }, (t) => {
  const machine = systemFor(t, [
    'usr/local/directadmin',
    'usr/lib/cgi-bin',
    'home/me/domains/a.example/public_html',
    'home/me/domains/b.example/public_html',
  ])
  machine.own('home/me')
  const refused = machine.install(['--dry-run'])
  assert.equal(refused.status, 1)
  assert.match(refused.stderr, /run by DirectAdmin.*su - ACCOUNT/)
  const several = machine.install(['--dry-run'], { uid: 1500 })
  assert.match(several.stderr, /several domains .*a\.example\/public_html\/cgi-bin .*b\.example/)
})

test('an account cannot do what needs root', { skip }, (t) => {
  const machine = systemFor(t, ['home/me/public_html/cgi-bin', 'etc/httpd/conf.d'])
  machine.own('home/me')
  chownSync(join(machine.path, 'home/me'), 1500, 1500)
  const user = machine.install(['--user', 'www-data', '--yes'], { uid: 1500 })
  assert.match(user.stderr, /--user and --group need root/)
  const apache = machine.install(['--apache-conf', 'yes', '--yes'], { uid: 1500 })
  assert.match(apache.stderr, /--apache-conf yes needs root/)
  const shown = machine.installed(['--apache-conf', 'print', '--dry-run'], { uid: 1500 })
  assert.match(shown, /Define UPLOAD_CGI_FOLDER "\/home\/me\/public_html\/cgi-bin"/)
  assert.match(shown, /Define UPLOAD_CGI_UPLOADS "\/home\/me\/uploads"/)
})
