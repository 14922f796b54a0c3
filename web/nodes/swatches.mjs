// The palette of the chosen kit on Packshot Brand.
import { h } from '../lib/dom.mjs'
import { get } from '../lib/host.mjs'
import { executed, follow, show } from './card.mjs'

const NAMED = 8 // colours of a palette whose names are shown; those of a larger one are read to who points at them

/** @param {any} node @param {string} name @param {{ name: string, hex: string, role: string }[]} palette */
function draw(node, name, palette) {
  const word = { class: palette.length > NAMED ? 'ps-hidden' : undefined }
  const colours = palette.map((colour) =>
    h('li', { class: 'ps-chip', title: `${colour.name} ${colour.hex} ${colour.role}` }, h('span', { class: 'ps-colour', style: `background: ${colour.hex}` }), h('span', word, colour.name))
  )
  // Names may be long: the list has a largest height, and a keyboard reaches what is below it.
  show(node, 'swatches', ...(colours.length ? [h('ul', { class: 'ps-chips', 'aria-label': name, tabindex: 0 }, ...colours)] : []))
}

/** @param {any} node */
export function attach(node) {
  let wanted = ''
  follow(node, 'kit', async (kit) => {
    if (wanted === kit) return
    wanted = kit
    try {
      const brand = kit === 'none' ? { name: '', palette: [] } : await get(`brands/${encodeURIComponent(String(kit))}`)
      if (wanted === kit) draw(node, brand.name, brand.palette)
    } catch (error) {
      show(node, 'swatches', h('p', { class: 'ps-bad' }, error instanceof Error ? error.message : String(error)))
    }
  })
  // A kit that was sent as text is known once it was read.
  executed(node, (output) => {
    if (output?.palette) draw(node, output.brand?.[0]?.name ?? '', output.palette)
  })
}
