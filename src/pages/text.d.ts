// The types of the imports of page files; files.ts says what the queries mean.

declare module '*?text' {
  const text: string
  export default text
}

declare module '*?sha256' {
  /** `sha256-` and the hash in base64, as a Content-Security-Policy writes it. */
  const source: string
  export default source
}

declare module '*?asset' {
  const read: () => string
  export default read
}
