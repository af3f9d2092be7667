// Measures what starting costs: GET and a small POST as bare processes.

import { measure, median, ratio } from './measure.ts'
import { commandsOf } from './peers.ts'
import { aim, heading, table } from './report.ts'
import { bodyFile, ours, plain, requestEnv, type Setting } from './setting.ts'

export function benchStart(setting: Setting): void {
  const rounds = setting.isQuick ? 25 : 100
  const empty = { name: 'empty executable', words: [setting.empty] }
  const names = ['C, static', 'haserl', 'Perl CGI.pm', 'php-cgi', "Python's cgi", 'Node + busboy']
  const peers = commandsOf(setting.peers, names)
  const get = measure({
    rounds,
    input: '',
    through: 'file',
    directory: setting.directory,
    env: requestEnv(setting, 'GET'),
    commands: [empty, ours('upload.cgi', {}), ...peers],
  })
  const first = get.get('empty executable')
  heading('GET, a bare process')
  table(
    ['program', 'median ms', 'to an empty executable', 'processor ms', 'memory MB'],
    [...get].map(([name, samples]) => [
      name,
      (median(samples) / 1e6).toFixed(1),
      ratio(samples, first).median.toFixed(2),
      (median(samples, 'cpu') / 1e3).toFixed(1),
      (median(samples, 'memory') / 1e6).toFixed(1),
    ]),
  )
  const own = get.get('upload.cgi')
  aim('GET to an empty executable', ratio(own, first), 1.05)
  for (const [name, most] of [
    ['Perl CGI.pm', 1],
    ['php-cgi', 1],
    ["Python's cgi", 0.5],
  ] as const) {
    if (get.has(name)) aim(`GET to ${name}`, ratio(own, get.get(name)), most)
  }
  for (const bytes of [1000, 100_000]) post(setting, rounds, bytes)
}

function post(setting: Setting, rounds: number, bytes: number): void {
  const body = bodyFile(setting, `small-${bytes}`, [bytes])
  const peers = commandsOf(setting.peers, [
    'haserl',
    'Perl CGI.pm',
    'php-cgi',
    "Python's cgi",
    'Node + busboy',
  ])
  const env = requestEnv(setting, 'POST', body.bytes)
  const get = requestEnv(setting, 'GET')
  const commands = [
    ours('its GET', { ...get, CONTENT_LENGTH: '' }),
    ours('upload.cgi, as the peers', plain),
    ours('upload.cgi', {}),
    ...peers,
  ]
  const run = {
    rounds,
    input: body.path,
    through: 'pipe',
    directory: setting.directory,
    env,
    commands,
  } as const
  const samples = measure(run)
  const first = samples.get('its GET')
  heading(`POST of ${bytes} bytes, a bare process`)
  table(
    ['program', 'median ms', 'to its GET', 'processor ms'],
    [...samples].map(([name, own]) => [
      name,
      (median(own) / 1e6).toFixed(1),
      ratio(own, first).median.toFixed(2),
      (median(own, 'cpu') / 1e3).toFixed(1),
    ]),
  )
  if (bytes === 1000)
    aim('POST of 1 KB to GET', ratio(samples.get('upload.cgi, as the peers'), first), 1.15)
}
