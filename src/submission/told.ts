// What became of one attempt to tell somebody of a batch, whichever way they are told.

export type Told = {
  /** True if it need not be told again. */
  readonly isHeard: boolean
  /** One line for the owner; '' when there is nothing to say. */
  readonly text: string
}
