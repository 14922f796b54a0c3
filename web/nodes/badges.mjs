// Licence and size on the nodes that take a model card, as badges of the canvas's own.
import { app } from '/scripts/app.js'
import { size } from '../lib/dom.mjs'
import { get } from '../lib/host.mjs'
import { follow } from './card.mjs'

const COLOURS = { allow: '#1f5f3f', duties: '#6b4a00', refuse: '#8a2315' } // white on these has a contrast above 6:1

/** @type {Map<string, Promise<any>>} */
const asked = new Map()

/** @param {string} card */
function ask(card) {
  if (!asked.has(card)) asked.set(card, get(`cards/${encodeURIComponent(card)}`).finally(() => setTimeout(() => asked.delete(card), 30_000)))
  return /** @type {Promise<any>} */ (asked.get(card))
}

/** @param {any} node */
export function attach(node) {
  /** @type {any[]} */
  let ours = []
  let wanted = ''

  /** @param {any[]} made */
  function set(made) {
    const before = node.badges
    node.badges = [...node.badges.filter((/** @type {any} */ badge) => !ours.includes(badge)), ...made]
    ours = made
    // Nodes 2.0 keeps the list that it was given, until it is told of another.
    node.graph?.trigger('node:property:changed', { type: 'node:property:changed', nodeId: node.id, property: 'badges', oldValue: before, newValue: node.badges })
    node.graph?.setDirtyCanvas(true, true)
  }

  follow(node, 'card', async (card) => {
    wanted = card
    if (!card || app.extensionManager.setting.get('Packshot.NodeBadges') === false) return set([])
    try {
      const found = await ask(String(card))
      if (wanted !== card) return
      set([
        badge(node, found.licence, COLOURS[/** @type {keyof typeof COLOURS} */ (found.decision)]),
        badge(node, size(found.bytes) + (found.missing ? ' ↓' : ''), found.missing ? COLOURS.duties : '#3a3a3a')
      ])
    } catch {
      set([]) // a card that the host does not know is refused with reasons when it is run
    }
  })
}

/** A badge of the class that the canvas's own are of, which it does not export. @param {any} node @param {string} text @param {string} bgColor */
function badge(node, text, bgColor) {
  const [first] = node.badges
  const core = typeof first === 'function' ? first() : first
  return new core.constructor({ text, fgColor: '#ffffff', bgColor })
}
