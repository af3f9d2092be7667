// Asks for the passphrase within the page when the visitor's cookie has ended, so that nothing of
// the queue is lost. The dialog is there where the owner has set a passphrase.

import { failureOf } from './failure.client.ts'
import { post } from './post.client.ts'

/**
 * True when the server has accepted the passphrase; false when the visitor closes the dialog, or
 * when the page cannot ask. Whoever calls while the dialog is open gets the same answer.
 */
export function askPassphrase(url: string): Promise<boolean> {
  asked ??= ask(url).finally(() => {
    asked = undefined
  })
  return asked
}

async function ask(url: string): Promise<boolean> {
  const dialog = document.querySelector('dialog')
  // The cookie of another site would not come with the next request.
  if (dialog === null || new URL(url, location.href).origin !== location.origin) return false
  const form = dialog.querySelector('form') as HTMLFormElement
  const [cancel, problem] = ['[type="button"]', '.problem'].map((selector) =>
    form.querySelector<HTMLElement>(selector),
  ) as [HTMLElement, HTMLElement]
  form.onsubmit = async (event) => {
    event.preventDefault()
    problem.textContent = ''
    const reply = await post(url, new FormData(form))
    if (reply?.status === 204) dialog.close(right)
    else problem.textContent = failureOf(reply)
  }
  cancel.onclick = () => dialog.close()
  form.reset()
  problem.textContent = ''
  dialog.returnValue = ''
  dialog.showModal()
  await new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }))
  return dialog.returnValue === right
}

let asked: Promise<boolean> | undefined
const right = 'right'
