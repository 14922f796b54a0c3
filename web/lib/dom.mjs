// Making elements. Text is always set as text: nothing that comes from a workflow, a kit or a host is read as HTML.

/**
 * @param {string} name
 * @param {Record<string, any>} [properties] `class`, `style`, listeners as `onclick`, attributes
 * @param {...(Node | string | number | null | undefined | false)} children
 * @returns {HTMLElement}
 */
export function h(name, properties = {}, ...children) {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value)
    else if (key === 'style') element.style.cssText = value
    else if (key === 'value') /** @type {HTMLInputElement} */ (element).value = value
    else element.setAttribute(key, value === true ? '' : String(value))
  }
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) element.append(String(child) === child ? child : /** @type {any} */ (child))
  }
  return element
}

const SVG = 'http://www.w3.org/2000/svg'

/**
 * @param {string} name
 * @param {Record<string, string | number>} [attributes]
 * @param {...Node} children
 * @returns {SVGElement}
 */
export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value))
  element.append(...children)
  return element
}

/** Load our style sheet once. */
export function style() {
  const href = new URL('../packshot.css', import.meta.url).href
  if ([...document.styleSheets].some((sheet) => sheet.href === href) || document.querySelector('link[data-packshot]')) return
  document.head.append(h('link', { rel: 'stylesheet', href, 'data-packshot': true }))
}

/** A size in the unit that people use for memory. @param {number} bytes */
export function size(bytes) {
  const gib = bytes / 2 ** 30
  if (gib >= 0.1) return `${gib.toFixed(1)} GiB`
  return bytes >= 2 ** 20 ? `${(bytes / 2 ** 20).toFixed(0)} MiB` : `${(bytes / 1024).toFixed(0)} KiB`
}

/**
 * A bar of one part of a whole, which screen readers read as a meter.
 * @param {string} label @param {number} part @param {number} whole @param {string} said
 */
export function bar(label, part, whole, said) {
  const share = whole > 0 ? Math.min(1, Math.max(0, part / whole)) : 0
  return h(
    'div',
    { class: 'ps-bar', role: 'meter', 'aria-label': label, 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': Math.round(share * 100), 'aria-valuetext': said },
    h('span', { class: 'ps-bar-fill', style: `width: ${(share * 100).toFixed(1)}%` })
  )
}
