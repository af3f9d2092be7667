// Text → HTML. Pages are files with holes, `{{name}}`. fill() escapes the values that it puts into
// them, unless they are Fragments, and only the `html` tag makes Fragments out of values. So no
// text from outside gets into a page unescaped by accident. A hole without a value throws.

/** HTML that needs no escaping. */
export type Fragment = { readonly html: string }

/** Escapes for text and for attribute values in either kind of quote. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`)
}

/**
 * Marks our own HTML (page files, compiled scripts) as safe. Never use it for text from outside.
 */
export function trusted(html: string): Fragment {
  return { html }
}

/** Template tag: the literal parts are HTML; values are escaped unless they are Fragments. */
export function html(
  literals: TemplateStringsArray,
  ...values: readonly (string | number | Fragment | readonly Fragment[])[]
): Fragment {
  let out = literals[0] ?? ''
  values.forEach((value, i) => {
    out += render(value) + literals[i + 1]
  })
  return { html: out }
}

/** Fills every hole of a page. A hole without a value is a bug and throws. */
export function fill(page: string, holes: Readonly<Record<string, string | Fragment>>): string {
  return page.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = holes[name]
    if (value === undefined) throw new Error(`the page has a hole {{${name}}} that nothing fills`)
    return render(value)
  })
}

function render(value: string | number | Fragment | readonly Fragment[]): string {
  if (typeof value === 'string') return escapeHtml(value)
  if (typeof value === 'number') return String(value)
  if ('html' in value) return value.html
  return value.map((fragment) => fragment.html).join('')
}
