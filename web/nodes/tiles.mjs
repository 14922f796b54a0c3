// The tiles in which a picture is decoded or encoded, drawn before anything runs.
import { svg } from '../lib/dom.mjs'
import { follow, show } from './card.mjs'

const PICTURE = 1024 // pixels of the square that the drawing stands for

/** @param {any} node */
export function attach(node) {
  follow(node, 'tile_size', (value) => {
    const tile = Number(value)
    show(node, 'tiles', ...(tile > 0 ? [drawing(tile)] : []))
  })
}

/**
 * Tiles of one size, none a sliver: a side is cut into the fewest parts that are no longer than asked for.
 * @param {number} tile pixels
 */
function drawing(tile) {
  const across = Math.ceil(PICTURE / tile)
  const step = PICTURE / across
  const lines = Array.from({ length: across - 1 }, (_, index) => {
    const at = (index + 1) * step
    return svg('path', { d: `M${at} 0V${PICTURE}M0 ${at}H${PICTURE}` })
  })
  const said = `${across} × ${across} × ${Math.round(step)} px / ${PICTURE} px`
  const label = svg('text', { x: PICTURE / 2, y: PICTURE + 150, 'text-anchor': 'middle' })
  label.textContent = said
  return svg(
    'svg',
    { class: 'ps-tiles', viewBox: `-20 -20 ${PICTURE + 40} ${PICTURE + 220}`, role: 'img', 'aria-label': said },
    svg('rect', { width: PICTURE, height: PICTURE }),
    ...lines,
    label
  )
}
