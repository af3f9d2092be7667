// install.sh writes Apache's configuration as the program prints it, and the real Apache reads it.

import assert from 'node:assert/strict'
import { appendFileSync, chmodSync, copyFileSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { missing } from '../host/installed.ts'
import { program as executable } from '../host/program.ts'
import { assertSame, SmallSystem, share, skip } from '../host/small-system.ts'

for (const [shell, mode] of [
  ['dash', '--drop-in'],
  ['busybox', '--script'],
] as const) {
  test(`Apache's configuration is what the program prints, ${mode}, by ${shell}`, {
    skip: skip || missing('apache2'),
  }, (t) => {
    const machine = apacheMachine(t, shell)
    const conf = '/etc/apache2/conf-available/upload-cgi-guests.conf'
    const all = [mode, '--name', 'guests.cgi', '--upload-dir', '/srv/up loads', '--apache-conf']
    const written = () => readFileSync(join(machine.path, conf), 'utf8')
    const printed = () => {
      const program = ['/usr/lib/cgi-bin/guests.cgi', 'apache-conf', '--address', '/guests']
      const { status, stdout, stderr } = machine.run(program)
      assert.equal(status, 0, stderr)
      return stdout
    }

    // There are no settings yet, and the program may not run where it was unpacked.
    const unpacked = join(machine.path, 'unpacked/upload.cgi')
    rmSync(unpacked)
    copyFileSync(executable, unpacked)
    chmodSync(unpacked, 0o644)
    const before = machine.everything()
    const shown = machine.installed([...all, 'yes', '--dry-run', '--verbose'])
    assertSame(machine.everything(), before, 'a dry run changes nothing')
    machine.installed([...all, 'yes', '--yes'])
    assert.equal(written(), printed())
    assert.deepEqual(written().match(/^ +Define .*$/gm), [
      '  Define UPLOAD_CGI_FOLDER "/usr/lib/cgi-bin"',
      '  Define UPLOAD_CGI_UPLOADS "/srv/up loads"',
      '  Define UPLOAD_CGI_FILE "guests.cgi"',
      '  Define UPLOAD_CGI_URL "/guests"',
      '  Define UPLOAD_CGI_MAX_BODY "1001048576"',
    ])
    assert.ok(shown.includes(`<<'END'\n${written()}END\n`), 'the dry run shows the same text')
    assert.match(machine.installed([...all, 'yes']), /nothing to do/)

    // The owner allows larger requests, and runs it again.
    chmodSync(unpacked, 0o755)
    const settings = mode === '--script' ? 'guests.cgi' : '.htupload.toml'
    appendFileSync(join(machine.path, 'usr/lib/cgi-bin', settings), 'max_request_size = "5GB"\n')
    assert.ok(machine.installed([...all, 'print', '--dry-run']).includes(printed()))
    machine.installed([...all, 'yes', '--yes'])
    assert.equal(written(), printed())
    assert.match(written(), /^ *Define UPLOAD_CGI_MAX_BODY "5001048576"$/m)
    const read = machine.run(['apache2', '-t', '-D', 'DUMP_INCLUDES', '-f', apacheMain])
    assert.equal(read.status, 0, read.stderr)
    assert.ok(read.stdout.includes('/conf-enabled/upload-cgi-guests.conf'), read.stdout)
    assert.deepEqual(readdirSync(join(machine.path, 'tmp')), [], 'nothing temporary is left')
  })
}

test('what no configuration of Apache can name is refused before anything changes', {
  skip: skip || missing('apache2'),
}, (t) => {
  const machine = apacheMachine(t, 'dash')
  const before = machine.everything()
  const args = ['--upload-dir', '/srv/the "best"', '--apache-conf', 'yes', '--yes']
  const refused = machine.install(args)
  assert.equal(refused.status, 1, refused.stdout)
  assert.match(refused.stderr, /no configuration of Apache can name \/srv\/the "best"/)
  assertSame(machine.everything(), before)
  assert.deepEqual(readdirSync(join(machine.path, 'tmp')), [])
})

const apacheMain = '/etc/apache2/apache2.conf'

/** With the real Apache, which reads the configuration that is written and is never started. */
function apacheMachine(t: TestContext, shell: 'dash' | 'busybox'): SmallSystem {
  const apache = ['etc/apache2/conf-available', 'etc/apache2/conf-enabled', 'run']
  const machine = new SmallSystem(t, shell, ['usr/lib/cgi-bin', ...apache])
  machine.bring('apache2')
  const modules = ['mpm_event', 'cgid', 'alias', 'env', 'authz_core']
  const folder = '/usr/lib/apache2/modules'
  for (const name of modules) {
    share(`${folder}/mod_${name}.so`, join(machine.path, folder, `mod_${name}.so`))
    machine.libraries(`${folder}/mod_${name}.so`)
  }
  const lines = [
    'ServerName localhost\nListen 127.0.0.1:8080\nDefaultRuntimeDir /run\nErrorLog /dev/null',
    ...modules.map((name) => `LoadModule ${name}_module ${folder}/mod_${name}.so`),
    'IncludeOptional /etc/apache2/conf-enabled/*.conf',
  ]
  machine.write(apacheMain, `${lines.join('\n')}\n`)
  machine.write('bin/apachectl', `#!/bin/sh\nexec apache2 -t -f ${apacheMain}\n`, 0o755)
  const modsEnabled = '/etc/apache2/mods-enabled'
  const enable = `mkdir -p ${modsEnabled} && : >${modsEnabled}/cgid.load`
  machine.write('bin/a2enmod', `#!/bin/sh\n${enable}\n`, 0o755)
  const link = 'ln -s "../conf-available/$2.conf" /etc/apache2/conf-enabled/'
  machine.write('bin/a2enconf', `#!/bin/sh\n${link}\n`, 0o755)
  return machine
}
