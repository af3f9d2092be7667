// Tells the server that an upload is cancelled, so that it removes what has arrived.

/** Repeats until the server has heard it, which may still be receiving an earlier piece. */
export function sayCancelled(url: string, id: string, tries = 0): void {
  const form = new FormData()
  form.append('_upload', id)
  form.append('_cancel', '1')
  const again = () => {
    const seconds = pauses[tries] ?? 0
    if (seconds > 0) setTimeout(() => sayCancelled(url, id, tries + 1), seconds * 1000)
  }
  fetch(url, { method: 'POST', body: form, keepalive: true }).then(
    // After 404 too: a piece that is on its way may arrive after this.
    ({ status }) => (status === 204 ? undefined : again()),
    again,
  )
}

const pauses = [1, 5, 20, 40]
