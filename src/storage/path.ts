// The parts of an absolute path that is already normal. node:path looks at each character in
// JavaScript, which costs a request more than the system calls do.

/** The path of the folder that contains it. */
export function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/'
}

/** The last name in it. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
