// The refusal of a body that breaks a rule of multipart/form-data.

import { Fault } from '../fault.ts'

/** Throws BAD_MULTIPART. `at`: the byte of the body where the rule is broken. */
export function broken(rule: string, at: number): never {
  throw new Fault('BAD_MULTIPART', `${rule} (at byte ${at})`)
}
