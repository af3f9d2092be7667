// The bytes that tell a delimiter from data, by their ASCII names.

export const HT = 9
export const LF = 10
export const CR = 13
export const SP = 32
export const HYPHEN = 45
