// Apache with Debian's ModSecurity and core rule set, blocking, as docs/servers.md sets it up but
// without its exception. It tells how many requests came, and which rules refused them.

import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { section } from '../../test/host/guide.ts'
import { Machine } from '../../test/host/guide-site.ts'

export type Site = {
  readonly url: string
  /** What came to be stored, by name; it is removed by forget(). */
  stored(): ReadonlyMap<string, Buffer>
  /** Forgets what was stored, and what was asked before. */
  forget(): void
  /** Since the last forget(). */
  requests(): number
  /** Their numbers, without those that only add up what others found; since the last forget(). */
  rules(): string[]
}

/** `paranoia`: the level of the core rule set; 0: the firewall is off. */
export async function startSite(t: TestContext, paranoia: number): Promise<Site> {
  const machine = new Machine(t)
  machine.takeFromDebian('apache2')
  machine.follow(section('Server guide'))
  machine.follow(section('Apache with mod_cgid'))
  machine.follow(section('Apache with ModSecurity'))
  const engine = paranoia === 0 ? 'SecRuleEngine Off\n' : ''
  machine.write(
    '/etc/modsecurity/upload-cgi.conf',
    `${engine}SecAction "id:1000009,phase:1,nolog,pass,setvar:tx.paranoia_level=${paranoia}"\n`,
  )
  const settings = '/usr/lib/cgi-bin/.htupload.toml'
  // What the program itself refuses is not the question here.
  machine.write(settings, `directory = "/srv/uploads"\nblock_extensions = []\n${asked}`)
  const log = machine.path('/var/log/apache2/requests.log')
  machine.edit([
    ['/etc/apache2/sites-available/000-default.conf', /CustomLog.*/, `CustomLog "${log}" "%>s %m"`],
  ])
  const server = await machine.startApache('/upload')
  const directory = machine.path('/srv/uploads')
  const visible = () => readdirSync(directory).filter((name) => name !== '.upload-cgi')
  const lines = () => (existsSync(log) ? readFileSync(log, 'utf8').split('\n').length - 1 : 0)
  let [seen, read] = [0, 0]
  return {
    // An address of numbers is a rule of its own (920350), which counts a little.
    url: server.url.replace('127.0.0.1', 'localhost'),
    stored: () => new Map(visible().map((name) => [name, readFileSync(join(directory, name))])),
    forget() {
      for (const name of visible()) rmSync(join(directory, name))
      seen = lines()
      read = server.errorLog().length
    },
    requests: () => lines() - seen,
    rules() {
      const found = server
        .errorLog()
        .slice(read)
        .matchAll(/ModSecurity: .*?\[id "(\d+)"\]/g)
      return [...new Set([...found].map(([, id = '']) => id))].filter((id) => !sums.test(id)).sort()
    },
  }
}

/** What the page asks its visitors, so that their answers are sent, too. */
const asked = '[[extra_fields]]\nname = "note"\nlabel = "Note"\n'

/** The rules that count what others found. */
const sums = /^9(?:49|59|80)\d\d\d$/
