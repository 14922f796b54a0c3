// Why a node refused, in one line on the node itself, and no stack trace; opened, it says where and what to do.
import { app } from '/scripts/app.js'
import { h } from '../lib/dom.mjs'
import { show } from './card.mjs'

const PATIENCE = 15_000 // milliseconds in which the host answers a prompt
const EVERY = 150
const QUEUED = /** @type {any} */ ('promptQueued') // which the published types leave out

/** @type {Set<any>} */
const marked = new Set()

/** @param {{ node_id: string, exception_message: string }} detail */
export function onExecutionError(detail) {
  mark(String(detail.node_id), detail.exception_message)
}

/**
 * A prompt is sent: what was said before no longer holds, and what the host refuses in it is looked for.
 * @param {unknown} before the errors that the frontend knew when it began to send
 */
export function onQueueing(before) {
  for (const node of marked) show(node, 'refusal')
  marked.clear()
  const until = performance.now() + PATIENCE
  // The frontend has no event for a prompt that is refused. It forgets the old errors first, and then knows the new ones.
  // Where a part of a prompt is refused and the rest is queued, it knows them before it says so.
  function look() {
    const errors = app.extensionManager.lastNodeErrors
    const found = errors && errors !== before
    if (found) {
      for (const [id, node] of Object.entries(errors)) {
        for (const error of node.errors) mark(id, error.details || error.message)
      }
    }
    if (found || performance.now() > until) stop()
  }
  const queued = () => {
    look()
    stop()
  }
  const stop = () => {
    clearInterval(timer)
    app.api.removeEventListener(QUEUED, queued)
  }
  const timer = setInterval(look, EVERY)
  app.api.addEventListener(QUEUED, queued)
}

/** @param {string} id @param {string} text */
function mark(id, text) {
  const said = /\[(?<slug>[a-z-]+)\] (?<message>[^\n]*)(?:\nWhere: (?<place>[^\n]*))?(?:\nWhat to do: (?<remedy>[^\n]*))?/.exec(text)?.groups
  const node = said && find(id)
  if (!node) return // another pack's error, which the frontend shows
  const more = [said.place, said.remedy].filter(Boolean).map((text) => h('p', {}, text))
  show(
    node,
    'refusal',
    h('details', { class: 'ps-refusal', role: 'alert' }, h('summary', { title: said.message }, h('span', { class: 'ps-badge' }, said.slug), ` ${said.message}`), ...more)
  )
  marked.add(node)
}

/**
 * The node that an id of the host stands for: nodes in subgraphs have the ids around theirs before them, and nodes that
 * another one became have its id before a dot.
 * @param {string} id
 */
function find(id) {
  /** @type {any} */
  let graph = app.rootGraph
  let node
  for (const part of id.split('.')[0].split(':')) {
    node = graph?.getNodeById(/^\d+$/.test(part) ? Number(part) : part)
    graph = node?.subgraph
  }
  return node
}
