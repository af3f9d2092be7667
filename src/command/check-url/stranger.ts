// An answer that is not the program's → a finding that says whose it is, and what to do.

import { type Finding, failure, type UrlProblem, warning } from '../../finding.ts'
import { type Answer, described } from './visitor.ts'

export function foreignAnswer(answer: Answer): Finding {
  const { status, headers, text, error } = answer
  if (status === 0) {
    const remedy = networkRemedies.find(([pattern]) => pattern.test(error))?.[1] ?? lastRemedy
    return failure('URL_UNREACHABLE', `no answer: ${error}`, remedy)
  }
  if (text.startsWith('\x7fELF')) {
    const message = 'the server shows the program instead of running it'
    return failure('NOT_RUN', message, runRemedy)
  }
  if (text.startsWith('#!')) {
    const message = 'the server shows the settings script instead of running it'
    return failure('NOT_RUN', message, runRemedy)
  }
  const server = headers.server === undefined ? '' : ` (${String(headers.server).slice(0, 60)})`
  const [, code, message, remedy] = statuses.find(([pattern]) => pattern.test(String(status))) ?? [
    /./,
    'OTHER_ANSWER',
    'something other than the program answered',
    'is this the address of the program?',
  ]
  const to = headers.location === undefined ? '' : `: ${headers.location.slice(0, 200)}`
  return failure(code, `${message}: ${status}${server}${to}`, remedy)
}

/** Is this the form of the program? */
export function isForm({ status, headers, text }: Answer): boolean {
  const isOurs = headers['content-security-policy'] !== undefined && / id="form"/.test(text)
  return status === 200 && isOurs
}

/** The program answered a while ago, and now the server lets nothing through. */
export function requestsLimited(answer: Answer): Finding {
  const message =
    `after some requests the server refuses ordinary ones, too (${described(answer)}): it limits ` +
    'how many a visitor may send; what comes after that was not checked'
  const remedy =
    'allow more: DOSPageCount and DOSSiteCount (mod_evasive), limit_req (nginx), or a rule of ' +
    'the firewall; the page and upload.sh wait and resume'
  return warning('REQUESTS_LIMITED', message, remedy)
}

/** The page is there, and yet the question for an unknown upload gets a 404 of another. */
export const errorsReplaced = warning(
  'ERRORS_REPLACED',
  'the server runs the program, but puts error pages of its own in place of its answers: ' +
    'visitors do not see why a file was refused',
  'ProxyErrorOverride Off (Apache); proxy_intercept_errors off, fastcgi_intercept_errors off ' +
    '(nginx)',
)

const lastRemedy = 'is the address right, and is the server running?'

const networkRemedies: readonly (readonly [RegExp, string])[] = [
  [/ENOTFOUND|EAI_AGAIN/, 'no server has this name: is it written right?'],
  [/ECONNREFUSED/, 'nothing listens there: is the server running, on this port?'],
  [/CERT|SELF_SIGNED|SSL|TLS/i, 'the certificate of the server is not valid for this address'],
]

const loadModule = 'on Debian: a2enmod cgid && systemctl restart apache2'

const runRemedy =
  `${loadModule}; elsewhere put it into cgi-bin, or allow programs there: Options +ExecCGI and ` +
  'SetHandler cgi-script, in the configuration or .htaccess'

const statuses: readonly (readonly [RegExp, UrlProblem, string, string])[] = [
  [/^30/, 'REDIRECTED', 'the server redirects to another address', 'check that address instead'],
  [
    /^401/,
    'PASSWORD_NEEDED',
    'the server asks for a password',
    'give it: --url https://USER:PASSWORD@…',
  ],
  [
    /^403/,
    'FORBIDDEN',
    'the server lets nobody in there',
    'look into its error log: ExecCGI is off, the file has no x bit, Require, or a firewall',
  ],
  [
    /^404/,
    'NOT_FOUND',
    'the server does not know this address',
    `${loadModule}; if that is done, see which path ScriptAlias gives to which folder`,
  ],
  [
    /^500/,
    'PROGRAM_FAILED',
    'the server could not run the program',
    'put doctor.cgi beside the program and open it in the browser; the error log has the reason ' +
      'too',
  ],
  [
    /^50[238]/,
    'SERVER_BUSY',
    'the server has no room for the program, or got no answer from it',
    'restart the server, since a reload does not start mod_cgid: systemctl restart apache2; if ' +
      'that does not help, limits of memory, processes or time: put doctor.cgi beside the ' +
      'program and open it',
  ],
  [/^504/, 'SERVER_TIMEOUT', 'the program did not answer in time', 'put doctor.cgi beside it'],
]
