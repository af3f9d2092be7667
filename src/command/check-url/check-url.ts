// `upload.cgi check --url`: sends through the real server what visitors send, and finds what does
// not get through: the server does not run the program, a limit or a firewall refuses a request, a
// time-out cuts a slow one. It sends only pieces of uploads that it never finishes and cancels at
// the end, so nothing is stored.

import type { Finding } from '../../finding.ts'
import { folderFinding, type Shown } from './folder.ts'
import { policyFinding } from './policy.ts'
import { Probe, type Tell } from './probe.ts'
import { redirectFinding } from './redirect.ts'
import { secretsFinding } from './secrets.ts'
import { requestsLimited } from './stranger.ts'
import { Visitor } from './visitor.ts'

export type UrlOptions = {
  readonly url: URL
  /** A name that the settings allow. */
  readonly name: string
  /** How long one sender pauses in the middle. */
  readonly pauseSeconds: number
  /** Undefined when the settings have no `public_url`. */
  readonly shown: Shown | undefined
  /** Called with each finding as it is known. */
  readonly tell: (finding: Finding) => void
}

export async function checkUrl(options: UrlOptions): Promise<Finding[]> {
  const findings: Finding[] = []
  const tell = (finding: Finding) => {
    findings.push(finding)
    options.tell(finding)
  }
  const probe = new Probe(new Visitor(options.url), options.name)
  try {
    if (!(await probe.findsProgram(tell))) return findings
    if (!(await isBlameless(probe, (heard) => probe.sendsSmall(heard), tell))) return findings
    if (options.shown !== undefined) tell(await folderFinding(options.shown))
    for (const looked of [redirectFinding, policyFinding, secretsFinding]) {
      const finding = await looked(options.url)
      if (finding !== undefined) tell(finding)
    }
    const steps: readonly ((tell: Tell) => Promise<unknown>)[] = [
      (heard) => probe.believesItsPage(options.url, heard),
      (heard) => probe.sendsLarge(heard),
      (heard) => probe.sendsOddName(heard),
      (heard) => probe.sendsLines(heard),
      (heard) => probe.speaksTus(heard),
      (heard) => probe.stopsInTheMiddle(options.pauseSeconds, heard),
    ]
    for (const step of steps) if (!(await isBlameless(probe, step, tell))) return findings
  } finally {
    await probe.cancelAll()
  }
  return findings
}

/**
 * Whether to send more. Where the server now refuses ordinary requests, too, it counts requests:
 * then that is told, and not what the step found.
 */
async function isBlameless(
  probe: Probe,
  step: (tell: Tell) => Promise<unknown>,
  tell: Tell,
): Promise<boolean> {
  const found: Finding[] = []
  await step((finding) => found.push(finding))
  const isSuspect = found.some(({ level }) => level !== 'ok')
  const refusal = isSuspect ? await probe.ordinaryRefusal() : undefined
  for (const finding of refusal === undefined ? found : [requestsLimited(refusal)]) tell(finding)
  return refusal === undefined && !found.some(({ code }) => fatal.includes(code))
}

/** After these nothing else can pass. */
const fatal = ['NAME_REFUSED', 'SMALL_REFUSED', 'POST_REFUSED']
