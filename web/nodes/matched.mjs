// How much of each LoRA fits the model, on the nodes that apply LoRAs: a bar for each line of their report that counts.
import { bar, h } from '../lib/dom.mjs'
import { executed, show } from './card.mjs'

const COUNT = /^(?<file>.*?): SHA-256 [0-9a-f]{64}, strength (?<strength>.*?), (?<matched>\d+)\/(?<total>\d+) tensors matched/s

/** @param {any} node */
export function attach(node) {
  executed(node, (output) => {
    const rows = [output?.text ?? []].flat().flatMap((/** @type {unknown} */ line) => {
      const found = COUNT.exec(String(line))?.groups
      if (!found) return []
      const said = `${found.matched}/${found.total}`
      return [
        h('div', { class: 'ps-row' }, h('b', {}, found.file), h('span', {}, `${said} × ${found.strength}`)),
        bar(found.file, Number(found.matched), Number(found.total), said)
      ]
    })
    show(node, 'matched', ...rows)
  })
}
