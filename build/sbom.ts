// The bill of materials: what is inside the executable, as CycloneDX 1.5 (https://cyclonedx.org).
// It has what `npm sbom` says of the libraries, and Node with all that Node contains, which npm
// does not know. The same sources give the same bytes: the serial number is made from the content,
// the time is that of the sources.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { patches } from './node/patches.ts'

type Component = { name: string; version: string; purl?: string } & Record<string, unknown>

/** `seconds`: since 1970. Must run on the very Node that goes into the executable. */
export function billOfMaterials(root: string, target: string, seconds: number): string {
  const npm = [
    'sbom',
    '--sbom-format',
    'cyclonedx',
    '--omit',
    'dev',
    '--package-lock-only',
    '--loglevel',
    'error',
  ]
  const text = execFileSync('npm', npm, { cwd: root, encoding: 'utf8' })
  const { components, metadata, dependencies, ...rest } = JSON.parse(text)
  const libraries = (components as Component[])
    .filter(({ name }) => !/^node-linux-/.test(name))
    // Some versions of npm tell there where the package was.
    .map((one): Component => ({ ...one, properties: undefined }))
  const platform = node()
  const whole = metadata.component['bom-ref']
  const kept = new Set([whole, ...libraries.map((one) => one['bom-ref'])])
  const links = (dependencies as { ref: string; dependsOn: string[] }[])
    .filter(({ ref }) => kept.has(ref))
    .map(({ ref, dependsOn }) => ({
      ref,
      dependsOn: [
        ...dependsOn.filter((one) => kept.has(one)),
        ...(ref === whole ? [platform['bom-ref']] : []),
      ],
    }))
  const bill = {
    ...rest,
    metadata: {
      timestamp: new Date(seconds * 1000).toISOString(),
      component: {
        ...metadata.component,
        // npm takes the name of the directory.
        name: 'upload.cgi',
        type: 'application',
        properties: [{ name: 'target', value: target }],
      },
    },
    components: [...libraries, platform],
    dependencies: [...links, { ref: platform['bom-ref'], dependsOn: [] }],
  }
  delete bill.serialNumber
  const hash = createHash('sha256').update(JSON.stringify(bill)).digest('hex')
  const serialNumber = `urn:uuid:${hash.replace(
    /^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*/,
    '$1-$2-8$3-a$4-$5',
  )}`
  const { $schema, bomFormat, specVersion, ...more } = bill as Record<string, unknown>
  const ordered = { $schema, bomFormat, specVersion, serialNumber, ...more }
  return `${JSON.stringify(ordered, null, 2)}\n`
}

/** With the names (CPE) that lists of known weaknesses use, for whoever searches those lists. */
function node(): Component {
  const { node: version, modules: _abi, napi: _api, ...inside } = process.versions
  const parts = Object.entries(inside).filter(([, value]) => value)
  return {
    type: 'platform',
    'bom-ref': `node@${version}`,
    name: 'node',
    version,
    licenses: [{ license: { id: 'MIT' } }],
    cpe: `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:*:*`,
    purl: `pkg:generic/node@${version}`,
    pedigree: {
      notes: [
        'changed by build/node: symbols are stripped where strip is installed',
        ...patches.map(({ what }) => what),
      ].join('; '),
    },
    externalReferences: [{ type: 'website', url: 'https://nodejs.org/' }],
    components: parts.sort().map(([name, value = '']) => ({
      type: 'library',
      'bom-ref': `node@${version}/${name}`,
      name,
      version: value,
      ...(name === 'openssl' ? { cpe: `cpe:2.3:a:openssl:openssl:${value}:*:*:*:*:*:*:*` } : {}),
    })),
  }
}
