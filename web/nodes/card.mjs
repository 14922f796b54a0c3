// A place of our own in a node, below its widgets: a DOM widget, which the classic canvas and Nodes 2.0 both show.
// It holds nothing: it is neither saved with the workflow nor sent with a prompt.
import { app } from '/scripts/app.js'
import { nodeOf, opened } from '../lib/canvas.mjs'
import { h, style } from '../lib/dom.mjs'

const NAME = 'packshot'

/**
 * The place in a node; made when there is something to show.
 * @param {any} node
 * @returns {HTMLElement}
 */
export function place(node) {
  const made = node.widgets?.find((/** @type {any} */ widget) => widget.name === NAME)
  if (made) return made.element
  style()
  const element = h('div', { class: 'ps-node', 'data-node-type': node.comfyClass ?? node.type })
  let last = 0
  /** The height of what is shown: the last one while it is out of sight, where it has none. */
  const height = () => {
    if (!element.children.length) last = 0
    else if (element.getClientRects().length) last = Math.max(24, content(element))
    return last
  }
  const widget = node.addDOMWidget(NAME, 'PACKSHOT', element, {
    serialize: false,
    hideOnZoom: false,
    getMinHeight: height,
    getMaxHeight: height
  })
  widget.serialize = false
  // What a node shows changes its height, and so does a font that loads late.
  new ResizeObserver(() => fit(node)).observe(element)
  return element
}

/** The height of what is shown. @param {HTMLElement} element */
const content = (element) =>
  [...element.children].reduce((sum, child) => sum + /** @type {HTMLElement} */ (child).offsetHeight + 4, 0)

/**
 * A node's own height, which is that of its file or a person's, and the height that it has for what it shows. The file keeps
 * the first: to look at a workflow is not to change it.
 * @type {WeakMap<any, { own: number, fitted: number }>}
 */
const heights = new WeakMap()

/** Make a node as tall as what it shows needs, and no smaller than its own height. @param {any} node */
function fit(node) {
  if (!inNodes2()) {
    const needed = node.computeSize()[1]
    const own = ownHeight(node, needed)
    const fitted = Math.max(own, needed)
    heights.set(node, { own, fitted })
    if (node.size[1] !== fitted) node.setSize([node.size[0], fitted])
  }
  node.graph?.setDirtyCanvas(true, true)
}

/** Whether nodes are elements of the page, which fit what they show by themselves. */
const inNodes2 = () => Boolean(/** @type {any} */ (globalThis).LiteGraph.vueNodesMode)

/** Save a node with its own height. @param {any} node */
export function keepHeight(node) {
  const before = node.onSerialize
  node.onSerialize = function (/** @type {any} */ data) {
    before?.call(this, data)
    data.size[1] = ownHeight(node, node.computeSize()[1])
  }
}

/** @param {any} node @param {number} needed the height that what it shows needs @returns {number} */
function ownHeight(node, needed) {
  const height = node.size[1]
  const least = inNodes2() && node.graph === app.canvas.graph ? leastHeight(node) : NaN
  if (least > 0) heights.set(node, { own: Math.min(least, height), fitted: height })
  const known = heights.get(node)
  if (!known) return height
  // Before we know what a node shows, the canvas may have made room for a part of it.
  const fits = height === known.fitted || (height > known.own && height <= needed)
  return fits ? known.own : height
}

/** In Nodes 2.0, the height that a file or a person gave a node; not a number where it is not drawn. @param {any} node */
function leastHeight(node) {
  const element = /** @type {HTMLElement | null} */ (document.querySelector(`[data-node-id="${node.id}"]`))
  return parseFloat(element?.style.getPropertyValue('--node-height') ?? '') - /** @type {any} */ (globalThis).LiteGraph.NODE_TITLE_HEIGHT
}

/**
 * Show something in a node in the part called `part`, in the place of what that part showed before.
 * @param {any} node @param {string} part @param {...(Node | string)} children
 */
export function show(node, part, ...children) {
  const element = place(node)
  const before = element.querySelector(`[data-part="${part}"]`)
  if (!children.length) {
    before?.remove()
  } else {
    const now = h('div', { 'data-part': part }, ...children)
    if (before) before.replaceWith(now)
    else element.append(now)
  }
  fit(node)
}

/** Call something each time a widget of a node gets another value, and once now. @param {any} node @param {string} name @param {(value: any) => void} use */
export function follow(node, name, use) {
  const widget = node.widgets?.find((/** @type {any} */ each) => each.name === name)
  if (!widget) return
  const before = widget.callback
  widget.callback = function (/** @type {any[]} */ ...values) {
    const result = before?.apply(this, values)
    use(widget.value)
    return result
  }
  // A loaded file sets its values after the node was made.
  const configured = node.onConfigure
  node.onConfigure = function (/** @type {any[]} */ ...values) {
    const result = configured?.apply(this, values)
    use(widget.value)
    return result
  }
  use(widget.value)
}

/** What each workflow's nodes gave when they last ran, by the host's ids. @type {WeakMap<any, Map<string, any>>} */
const outputs = new WeakMap()

/** @type {WeakMap<any, (output: any) => void>} */
const uses = new WeakMap()

/** Call something with what a node gives each time it ran in its own workflow. @param {any} node @param {(output: any) => void} use */
export const executed = (node, use) => void uses.set(node, use)

/**
 * @param {any} workflow that ran
 * @param {boolean} shown whether it is the open one
 * @param {{ node: string, display_node?: string, output: any }} detail
 */
export function onExecuted(workflow, shown, detail) {
  const id = String(detail.display_node || detail.node)
  outputs.set(workflow, (outputs.get(workflow) ?? new Map()).set(id, detail.output))
  if (shown) uses.get(nodeOf(id))?.(detail.output)
}

/** Show again what the nodes of the open workflow gave. */
export function draw() {
  for (const [id, output] of outputs.get(opened()) ?? []) uses.get(nodeOf(id))?.(output)
}
