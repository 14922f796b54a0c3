// A place of our own in a node, below its widgets: a DOM widget, which the classic canvas and Nodes 2.0 both show.
// It holds nothing: it is neither saved with the workflow nor sent with a prompt.
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
  const widget = node.addDOMWidget(NAME, 'PACKSHOT', element, {
    serialize: false,
    hideOnZoom: false,
    getMinHeight: () => Math.max(24, content(element)),
    getMaxHeight: () => Math.max(24, content(element))
  })
  widget.serialize = false
  // What a node shows changes its height, and so does a font that loads late.
  new ResizeObserver(() => fit(node)).observe(element)
  return element
}

/** The height of what is shown. @param {HTMLElement} element */
const content = (element) =>
  [...element.children].reduce((sum, child) => sum + /** @type {HTMLElement} */ (child).offsetHeight + 4, 0)

/** Make a node tall enough for what it shows; it never becomes smaller than a person made it. @param {any} node */
function fit(node) {
  const wanted = node.computeSize()
  if (node.size[1] < wanted[1]) node.setSize([node.size[0], wanted[1]])
  node.graph?.setDirtyCanvas(true, true)
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

/** Call something with what a node gives the canvas each time it ran. @param {any} node @param {(output: any) => void} use */
export function executed(node, use) {
  const before = node.onExecuted
  node.onExecuted = function (/** @type {any} */ output) {
    before?.call(this, output)
    use(output)
  }
}
