// The processors that upload.cgi is built for.

export type Target = 'linux-x64' | 'linux-arm64'

/** Of the machine that builds, which need not be a Target. */
export const ownTarget = `${process.platform}-${process.arch}`

export function isTarget(name: string): name is Target {
  return name === 'linux-x64' || name === 'linux-arm64'
}
