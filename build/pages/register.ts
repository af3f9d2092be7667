// Lets Node import page files (`./form.html?text`) when tests run from source:
// node --import ./build/pages/register.ts --test FILE …

import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import { textModule } from './text.ts'

registerHooks({
  load(url, context, nextLoad) {
    const query = /\?(text|sha256|asset)$/.exec(url)?.[1]
    if (query === undefined) return nextLoad(url, context)
    const text = textModule(fileURLToPath(url.slice(0, url.lastIndexOf('?'))), query)
    const source = `export default ${query === 'asset' ? '() => ' : ''}${JSON.stringify(text)}`
    return { format: 'module', source, shortCircuit: true }
  },
})
