// Do tus clients get through? The methods and types of tus 1.0.0, and the address of an upload that
// is begun: after a proxy changed the path, it may lead nowhere.

import { type Finding, fine, warning } from '../../finding.ts'
import { described, type Sent, type Visitor } from './visitor.ts'

/** `unknown`: the id of no upload. Gives the id of the upload that it began, if it did. */
export async function tusFinding(
  visitor: Visitor,
  name: string,
  unknown: string,
): Promise<{ readonly finding: Finding; readonly id?: string }> {
  const refused = await refusedMethods(visitor, unknown)
  if (refused.length > 0) {
    const message = `tus clients fail: ${refused.join(', ')}; the page is not affected`
    const remedy = refused.some((name) => name.startsWith('POST'))
      ? 'let the server pass on what follows the path of the program (AcceptPathInfo On), and ' +
        'these methods and types'
      : 'let them send POST instead: overridePatchMethod: true in tus-js-client'
    return { finding: warning('TUS_REFUSED', message, remedy) }
  }
  const metadata = `filename ${Buffer.from(name).toString('base64')}`
  const headers = { ...version, 'Upload-Length': '1', 'Upload-Metadata': metadata }
  const begun = await visitor.send({ method: 'POST', more: '/tus', headers })
  const location = begun.headers.location ?? ''
  const [id] = /[0-9a-f]{32}$/.exec(location) ?? []
  const finding = fine('TUS', 'tus clients pass: HEAD, PATCH')
  if (begun.status !== 201 || id === undefined) return { finding }
  const { status } = await visitor.send({
    method: 'HEAD',
    more: '/tus',
    at: location,
    headers: version,
  })
  if (status === 200) return { finding, id }
  const message = `tus clients fail: the address of their upload, ${location}, leads elsewhere`
  const remedy =
    'let the proxy that changes the path say so: RequestHeader set X-Forwarded-Prefix /path ' +
    '(Apache), proxy_set_header X-Forwarded-Prefix /path (nginx)'
  return { finding: warning('TUS_ADDRESS', message, remedy), id }
}

/** Those that the program does not answer. */
async function refusedMethods(visitor: Visitor, unknown: string): Promise<string[]> {
  const more = `/tus/${unknown}`
  const body = [Buffer.from('check')]
  const piece = {
    ...version,
    'Upload-Offset': '0',
    'Content-Type': 'application/offset+octet-stream',
  }
  const tries: readonly Sent[] = [
    { method: 'HEAD', more, headers: version },
    { method: 'PATCH', more, headers: piece, body },
    { method: 'POST', more, headers: { ...piece, 'X-HTTP-Method-Override': 'PATCH' }, body },
  ]
  const refused: string[] = []
  for (const sent of tries) {
    const answer = await visitor.send(sent)
    const name = sent.headers?.['X-HTTP-Method-Override'] ? 'POST instead of PATCH' : sent.method
    if (answer.headers['tus-resumable'] === undefined) {
      refused.push(`${name} (${described(answer)})`)
    }
  }
  return refused
}

const version = { 'Tus-Resumable': '1.0.0' }
