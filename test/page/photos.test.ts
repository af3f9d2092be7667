// Forty photos of a phone's camera: the page shows each small, and its process stays small. A phone
// ends a tab that takes more than a gigabyte or so.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { until, visit } from '../host/page.ts'

visit(
  'forty photos of twelve megapixels take less than 600 MB of the page’s process',
  {},
  async ({ t, page }) => {
    const count = 40
    await page.evaluate(`(async () => {
      const canvas = new OffscreenCanvas(4000, 3000)
      const pen = canvas.getContext('2d')
      for (let at = 0; at < 3000; at++) {
        pen.fillStyle = 'hsl(' + at * 7 % 360 + ' 80% ' + at % 90 + '%)'
        pen.fillRect(at * 37 % 4000, at * 53 % 3000, 300, 200)
      }
      const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.95 })
      const data = new DataTransfer()
      for (let at = 0; at < ${count}; at++)
        data.items.add(new File([blob], at + '.jpg', { type: 'image/jpeg' }))
      dispatchEvent(new DragEvent('drop', { dataTransfer: data, cancelable: true }))
    })()`)
    await until(page, `document.querySelectorAll('#queue canvas').length === ${count}`)
    const session = await page.context().browser()?.newBrowserCDPSession()
    const { processInfo = [] } = (await session?.send('SystemInfo.getProcessInfo')) ?? {}
    const peaks = processInfo
      .filter(({ type }) => type === 'renderer')
      .map(({ id }) => /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${id}/status`, 'utf8'))?.[1])
      .map((kilobytes) => Number(kilobytes) / 1000)
    t.diagnostic(`at most ${peaks.map(Math.round).join(', ')} MB`)
    assert.ok(peaks.length > 0 && peaks.every((peak) => peak < 600), `${peaks} MB`)
  },
)
