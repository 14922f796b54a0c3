// The workflow that is open on the canvas.
import { app } from '/scripts/app.js'

/** As it would be saved. @returns {any} */
export const workflow = () => app.rootGraph.serialize()

/** The tab that is open; the same object each time. @returns {any} */
export const opened = () => app.extensionManager.workflow.activeWorkflow

/** What its tab is called. */
export const openName = () => opened()?.filename ?? 'workflow'

/**
 * The node that an id of the host stands for: nodes in subgraphs have the ids around theirs before them, and nodes that
 * another one became have its id before a dot.
 * @param {string} id
 */
export function nodeOf(id) {
  /** @type {any} */
  let graph = app.rootGraph
  let node
  for (const part of id.split('.')[0].split(':')) {
    node = graph?.getNodeById(/^\d+$/.test(part) ? Number(part) : part)
    graph = node?.subgraph
  }
  return node
}

/** Put a changed one in its place, in the same tab. @param {any} data */
export async function show(data) {
  await app.loadGraphData(data, true, false, opened())
}
