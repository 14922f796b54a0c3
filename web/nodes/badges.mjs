// Licence and size on the nodes that take a model card. The canvas's own badges are not used: Nodes 2.0 reads them once,
// when a node is first drawn, and does not see another card's.
import { app } from '/scripts/app.js'
import { h, size } from '../lib/dom.mjs'
import { get } from '../lib/host.mjs'
import { follow, show } from './card.mjs'

const CLASSES = { allow: 'ps-good', duties: 'ps-warn', refuse: 'ps-bad' }

/** @type {Map<string, Promise<any>>} */
const asked = new Map()

/** @param {string} card */
function ask(card) {
  if (!asked.has(card)) asked.set(card, get(`cards/${encodeURIComponent(card)}`).finally(() => setTimeout(() => asked.delete(card), 30_000)))
  return /** @type {Promise<any>} */ (asked.get(card))
}

/** @param {any} node */
export function attach(node) {
  let wanted = ''
  follow(node, 'card', async (card) => {
    if (wanted === card) return
    wanted = card
    if (!card || app.extensionManager.setting.get('Packshot.NodeBadges') === false) return show(node, 'badges')
    try {
      const found = await ask(String(card))
      if (wanted !== card) return
      const kind = CLASSES[/** @type {keyof typeof CLASSES} */ (found.decision)]
      show(
        node,
        'badges',
        h('span', { class: `ps-badge ${kind}`, title: found.summary }, found.licence),
        ' ',
        h('span', { class: `ps-badge ${found.missing ? 'ps-warn' : ''}`, title: found.missing || undefined }, size(found.bytes) + (found.missing ? ' ↓' : ''))
      )
    } catch {
      show(node, 'badges') // a card that the host does not know is refused with reasons when it is run
    }
  })
}
