// Why a node refused, in one line on the node itself, and no stack trace; opened, it says where and what to do. It stands
// in the workflow that ran, and is there again when that is opened again: its nodes may have the ids of another's.
import { h } from '../lib/dom.mjs'
import { nodeOf, opened } from '../lib/canvas.mjs'
import { show } from './card.mjs'

/** What each workflow was refused, by the host's ids of its nodes. @type {WeakMap<any, Map<string, Record<string, string>>>} */
const refusals = new WeakMap()

/** @type {Set<any>} */
const marked = new Set()

/**
 * @param {any} workflow that the prompt was sent from
 * @param {boolean} shown whether it is the open one
 * @param {{ node_id: string, exception_message: string }} detail
 */
export function onExecutionError(workflow, shown, detail) {
  const said = read(detail.exception_message)
  if (said) refusals.set(workflow, (refusals.get(workflow) ?? new Map()).set(String(detail.node_id), said))
  if (shown) draw()
}

/**
 * A prompt was answered: what was said before of its workflow no longer holds.
 * @param {any} workflow that it was sent from
 * @param {boolean} shown whether it is the open one
 * @param {Record<string, { errors: { details: string, message: string }[] }>} errors what the host refuses in it, by node
 */
export function onAnswer(workflow, shown, errors) {
  const found = new Map()
  for (const [id, node] of Object.entries(errors)) {
    for (const error of node.errors) {
      const said = read(error.details || error.message)
      if (said) found.set(id, said)
    }
  }
  refusals.set(workflow, found)
  if (shown) draw()
}

/** Show what the open workflow was refused, and nothing else. */
export function draw() {
  for (const node of marked) show(node, 'refusal')
  marked.clear()
  for (const [id, said] of refusals.get(opened()) ?? []) {
    const node = nodeOf(id)
    if (!node) continue
    const more = [said.place, said.remedy].filter(Boolean).map((text) => h('p', {}, text))
    const line = h('summary', { title: said.message }, h('span', { class: 'ps-badge' }, said.slug), ` ${said.message}`)
    show(node, 'refusal', h('details', { class: 'ps-refusal', role: 'alert' }, line, ...more))
    marked.add(node)
  }
}

/** The parts of a refusal of ours; nothing for another pack's error, which the frontend shows. @param {string} text */
const read = (text) =>
  /\[(?<slug>[a-z-]+)\] (?<message>[^\n]*)(?:\nWhere: (?<place>[^\n]*))?(?:\nWhat to do: (?<remedy>[^\n]*))?/.exec(text)?.groups
