declare module '*?text' {
  const text: string
  export default text
}

declare module '*?sha256' {
  /** `sha256-` and the hash in base64. */
  const source: string
  export default source
}

declare module '*?asset' {
  const read: () => string
  export default read
}
