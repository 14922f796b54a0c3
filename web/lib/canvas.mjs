// The workflow that is open on the canvas.
import { app } from '/scripts/app.js'

/** As it would be saved. @returns {any} */
export const workflow = () => app.rootGraph.serialize()

/** What its tab is called. */
export const openName = () => app.extensionManager.workflow.activeWorkflow?.filename ?? 'workflow'

/** Put a changed one in its place, in the same tab. @param {any} data */
export async function show(data) {
  await app.loadGraphData(data, true, false, /** @type {any} */ (app.extensionManager.workflow.activeWorkflow))
}
