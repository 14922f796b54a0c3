// The palette of the chosen kit on Packshot Brand.
import { h } from '../lib/dom.mjs'
import { get } from '../lib/host.mjs'
import { follow, show } from './card.mjs'

/** @param {any} node */
export function attach(node) {
  let wanted = ''
  follow(node, 'kit', async (kit) => {
    if (wanted === kit) return
    wanted = kit
    try {
      const brand = await get(`brands/${encodeURIComponent(String(kit))}`)
      if (wanted !== kit) return
      const colours = brand.palette.map((/** @type {any} */ colour) =>
        h('li', { class: 'ps-chip', title: `${colour.name} ${colour.hex} ${colour.role}` }, h('span', { class: 'ps-colour', style: `background: ${colour.hex}` }), h('span', {}, colour.name))
      )
      show(node, 'swatches', h('ul', { class: 'ps-chips', 'aria-label': brand.name }, ...colours))
    } catch (error) {
      show(node, 'swatches', h('p', { class: 'ps-bad' }, error instanceof Error ? error.message : String(error)))
    }
  })
}
