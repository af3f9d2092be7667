// Apache with ModSecurity and the core rule set as Debian's packages bring them, blocking, without
// the exception of docs/servers.md; the rest is as that guide has it.

import type { TestContext } from 'node:test'
import { section } from './guide.ts'
import { Machine } from './guide-site.ts'

export async function startBlockingSite(
  t: TestContext,
): Promise<{ url: string; directory: string }> {
  const machine = new Machine(t)
  machine.takeFromDebian('apache2')
  machine.follow(section('Server guide'))
  machine.follow(section('Apache with mod_cgid'))
  machine.follow(section('Apache with ModSecurity'))
  machine.write('/etc/modsecurity/upload-cgi.conf', '')
  const { url } = await machine.startApache('/upload')
  return { url, directory: machine.path('/srv/uploads') }
}
