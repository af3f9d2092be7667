// Measures what starting costs: GET and a small POST as bare processes.

import { measure, median, ratio } from './measure.ts'
import { commandsOf, perlForm } from './peers.ts'
import { aim, heading, table } from './report.ts'
import { bodyFile, ours, plain, requestEnv, type Setting, textFile } from './setting.ts'

/** As owners have it: the page, limits, and who is told. `directory` comes from the environment. */
const settingsText = `directory = "/srv/uploads"
title = "Send us your files"
message = "Pictures of the summer party, please"
max_file_size = "2GB"
allow_extensions = ["jpg", "jpeg", "png", "heic", "mp4", "mov", "pdf", "zip"]
max_total_size = "50GB"
extra_fields = [{ name = "who", label = "Your name", required = true }]
notify = ["owner@example.org"]
`

export function benchStart(setting: Setting): void {
  const rounds = setting.isQuick ? 25 : 100
  const empty = { name: 'empty executable', words: [setting.empty] }
  const names = ['C, static', 'haserl', perlForm, 'Perl CGI.pm', 'php-cgi', "Python's cgi"]
  const peers = commandsOf(setting.peers, [...names, 'Node + busboy'])
  const { path } = textFile(setting, 'settings.toml', settingsText)
  const withFile = ours('upload.cgi, a settings file', { UPLOAD_CGI_CONFIG: path })
  const get = measure({
    rounds,
    input: '',
    through: 'file',
    directory: setting.directory,
    env: requestEnv(setting, 'GET'),
    commands: [empty, ours('upload.cgi', {}), withFile, ...peers],
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
    [perlForm, 1],
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
