// Part of npm run check: checks every shell script of the project by shellcheck, where that is
// installed. With UPLOAD_CGI_NO_SKIPS=1 it must be.

import { spawnSync } from 'node:child_process'

const maintainerScripts = ['postinst', 'prerm', 'postrm'].map(
  (name) => `build/packages/debian/${name}`,
)
const { error, status } = spawnSync(
  'shellcheck',
  ['install.sh', 'upload.sh', 'doctor.cgi', '.ci/run', 'test/host/cephfs.sh', ...maintainerScripts],
  {
    stdio: 'inherit',
  },
)
if (error !== undefined) {
  console.log('shellcheck is not installed (apt-get install shellcheck): shell scripts not checked')
  process.exit(process.env['UPLOAD_CGI_NO_SKIPS'] ? 1 : 0)
}
process.exit(status ?? 1)
