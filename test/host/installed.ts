// What must be installed for a test: programs and libraries, and the Debian package of each.

import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { skipped } from './program.ts'

export type Tool = keyof typeof packages | keyof typeof libraries

/**
 * The reason to skip a test (`t.skip`, `{ skip }`), or false when everything is installed. With
 * UPLOAD_CGI_NO_SKIPS in the environment it throws that reason instead.
 */
export function missing(...names: readonly Tool[]): string | false {
  const absent = names.filter((name) => !isInstalled(name))
  if (absent.length === 0) return false
  const verb = absent.length === 1 ? 'is' : 'are'
  const wanted = new Set(
    absent.map((name) => (name in libraries ? name : packages[name as keyof typeof packages])),
  )
  const install = `apt-get install ${[...wanted].join(' ')}`
  return skipped(`${absent.join(', ')} ${verb} not installed: ${install}`)
}

/** Where the program of that name is, if it is installed. */
export function find(name: Tool): string | undefined {
  const path = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`
  return path
    .split(delimiter)
    .filter((part) => part !== '')
    .map((part) => join(part, name))
    .find((file) => isExecutable(file))
}

function isInstalled(name: Tool): boolean {
  if (name in libraries) return existsSync(libraries[name as keyof typeof libraries])
  return find(name) !== undefined
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}

// Programs, and the Debian package of each.
const packages = {
  apache2: 'apache2',
  lighttpd: 'lighttpd',
  nginx: 'nginx-light',
  fcgiwrap: 'fcgiwrap',
  chromium: 'chromium',
  'firefox-esr': 'firefox-esr',
  WebKitWebDriver: 'webkit2gtk-driver',
  Xvfb: 'xvfb',
  'qemu-aarch64': 'qemu-user',
  inotifywait: 'inotify-tools',
  'systemd-analyze': 'systemd',
  'systemd-socket-activate': 'systemd',
  strace: 'strace',
  gcc: 'gcc libc6-dev',
  busybox: 'busybox',
  bash: 'bash',
  dash: 'dash',
  git: 'git',
  shellcheck: 'shellcheck',
  strip: 'binutils',
  xz: 'xz-utils',
  'php-cgi': 'php-cgi',
  curl: 'curl',
  openssl: 'openssl',
  perl: 'perl',
  wget: 'wget',
  php: 'php-cli',
  ruby: 'ruby',
  go: 'golang-go',
  java: 'openjdk-17-jdk-headless',
  python3: 'python3',
  http: 'httpie',
  debootstrap: 'debootstrap',
  'dpkg-deb': 'dpkg',
  rpm: 'rpm',
  rpmbuild: 'rpm',
  rpmlint: 'rpmlint',
  lintian: 'lintian',
  faketime: 'faketime',
  man: 'man-db',
  unshare: 'util-linux',
  setpriv: 'util-linux',
  'mkfs.ext4': 'e2fsprogs',
  'mkfs.btrfs': 'btrfs-progs',
  btrfs: 'btrfs-progs',
  'mkfs.vfat': 'dosfstools',
  fusefat: 'fusefat',
  'mkfs.xfs': 'xfsprogs',
  'mkfs.exfat': 'exfatprogs',
  'mount.exfat-fuse': 'exfat-fuse',
  encfs: 'encfs',
  gocryptfs: 'gocryptfs',
  bindfs: 'bindfs',
  sshfs: 'sshfs',
  rclone: 'rclone',
  setfacl: 'acl',
  setfattr: 'attr',
  clamd: 'clamav-daemon',
  clamdscan: 'clamdscan',
  postfix: 'postfix',
  dovecot: 'dovecot-core',
  msmtp: 'msmtp',
  'ceph-mon': 'ceph-mon',
  'ceph-osd': 'ceph-osd',
  'ceph-mds': 'ceph-mds',
  'ceph-fuse': 'ceph-fuse',
  ceph: 'ceph-common',
} as const

// Packages without a program of their own, and a file that shows that each is installed.
const libraries = {
  'python3-requests': '/usr/lib/python3/dist-packages/requests',
  'python3-urllib3': '/usr/lib/python3/dist-packages/urllib3',
  'python3-httpx': '/usr/lib/python3/dist-packages/httpx',
  'python3-aiohttp': '/usr/lib/python3/dist-packages/aiohttp',
  'python3-mechanize': '/usr/lib/python3/dist-packages/mechanize',
  'python3-webtest': '/usr/lib/python3/dist-packages/webtest',
  'python3-gi': '/usr/lib/python3/dist-packages/gi',
  'python3-pyqt6': '/usr/lib/python3/dist-packages/PyQt6',
  'gir1.2-soup-3.0': '/usr/lib/x86_64-linux-gnu/girepository-1.0/Soup-3.0.typelib',
  'php-curl': '/etc/php/8.2/mods-available/curl.ini',
  'ruby-rest-client': '/usr/lib/ruby/vendor_ruby/rest-client.rb',
  'node-axios': '/usr/share/nodejs/axios',
  'node-got': '/usr/share/nodejs/got',
  'node-form-data': '/usr/share/nodejs/form-data',
  'python3-tuspy': '/usr/lib/python3/dist-packages/tusclient',
  'libwww-perl': '/usr/share/perl5/LWP.pm',
  'libcgi-pm-perl': '/usr/share/perl5/CGI.pm',
  'apache2-suexec-pristine': '/usr/lib/apache2/suexec-pristine',
  'libapache2-mod-fcgid': '/usr/lib/apache2/modules/mod_fcgid.so',
  'libapache2-mod-security2': '/usr/lib/apache2/modules/mod_security2.so',
  'libstdc++6-arm64-cross': '/usr/aarch64-linux-gnu/lib/libstdc++.so.6',
  'openssh-sftp-server': '/usr/lib/openssh/sftp-server',
  'modsecurity-crs': '/usr/share/modsecurity-crs/owasp-crs.load',
} as const
