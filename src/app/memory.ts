// The memory that a reply needs, taken before a file gets its name: where there is too little, the
// program ends while nothing is stored. A program that ran out of memory while it made the reply
// would end with the files stored and nobody told.

export type Reserve = { free(): void }

/** `echoedText`: the characters that the reply repeats of the request. */
export function reserveMemory(echoedText: number): Reserve {
  const memory = new ArrayBuffer(leastBytes + echoedText * bytesOfCharacter)
  // Memory that nobody wrote to may not be there when it is needed.
  new Uint8Array(memory).fill(1)
  const { buffer: area } = Buffer.allocUnsafeSlow(areaBytes)
  // A collected buffer is freed at some time; a transferred one at once.
  return {
    free() {
      memory.transfer(0)
      area.transfer(0)
    },
  }
}

/** What the reply to a single small file takes, four times over. */
const leastBytes = 512 * 1024
/**
 * Addresses alone: when V8 collects garbage meanwhile, it copies what survives to another area.
 */
const areaBytes = 2 * 1024 * 1024
/**
 * A control character is six characters of JSON, two bytes each while the text is made; and text
 * and bytes are copied once each.
 */
const bytesOfCharacter = 16
