// One question of the owner's (`extra_fields`) as a control of the form, with its label. The type
// is a help for typing: whatever is typed is kept as it came.

import type { ExtraField } from '../settings/row.ts'
import { type Fragment, html, trusted } from './html.ts'
import type { Theme } from './theme.ts'

export function control(field: ExtraField, theme: Theme): Fragment {
  const { name, type, required, options } = field
  const { text } = theme.language
  const id = `field-${name}`
  const label = html`<label for="${id}">${field.label}${
    required ? html` <small>(${text('form.required')})</small>` : ''
  }</label>`
  const attributes = html` id="${id}" name="${name}"${required ? trusted(' required') : ''}`
  if (type === 'checkbox') {
    return html`<div class="field"><input type="checkbox" value="yes"${attributes}>${label}</div>`
  }
  if (type === 'select') {
    const none = html`<option value="">${text('form.choose')}</option>`
    const choices = [none, ...options.map((option) => html`<option>${option}</option>`)]
    return html`<div class="field">${label}<select${attributes}>${choices}</select></div>`
  }
  if (type === 'textarea') {
    return html`<div class="field">${label}<textarea rows="4"${attributes}></textarea></div>`
  }
  return html`<div class="field">${label}<input${trusted(inputs[type])}${attributes}></div>`
}

const inputs = {
  text: ' type="text"',
  email: ' type="email" autocomplete="email"',
  // Without `step` a browser refuses every number that is not whole.
  number: ' type="number" step="any"',
  date: ' type="date"',
}
