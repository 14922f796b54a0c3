// The sidebar tab: three panels, of which one is shown and alive at a time.
import { h, style } from '../lib/dom.mjs'
import { texts } from '../lib/host.mjs'

/**
 * @typedef {object} Panel
 * @property {HTMLElement} element
 * @property {() => void} shown begins to look at the host
 * @property {() => void} hidden stops everything
 * @property {() => void} [changed] another workflow is open
 */

const PANELS = ['memory', 'brand', 'api']

/** @returns {Promise<Required<Panel>>} */
export async function makePanel() {
  style()
  const t = await texts()
  /** @type {Record<string, Panel>} */
  const made = {}
  let current = 'memory'
  let visible = false

  const body = h('div', { class: 'ps-body', role: 'tabpanel', id: 'packshot-panel', tabindex: 0 })
  const tabs = PANELS.map((name) =>
    h(
      'button',
      { type: 'button', role: 'tab', id: `packshot-tab-${name}`, 'aria-controls': 'packshot-panel', onclick: () => choose(name) },
      t(name)
    )
  )
  const list = h('div', { class: 'ps-tabs', role: 'tablist', 'aria-label': 'Packshot', onkeydown: move }, ...tabs)

  /** Arrow keys go from tab to tab (WAI-ARIA, tabs pattern). @param {KeyboardEvent} event */
  function move(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    if (step === undefined) return
    event.preventDefault()
    event.stopPropagation()
    const next = (PANELS.indexOf(current) + step + PANELS.length) % PANELS.length
    void choose(PANELS[next])
    tabs[next].focus()
  }

  /** @param {string} name */
  async function choose(name) {
    made[current]?.hidden()
    current = name
    tabs.forEach((tab, index) => {
      const on = PANELS[index] === name
      tab.setAttribute('aria-selected', String(on))
      tab.tabIndex = on ? 0 : -1
    })
    body.setAttribute('aria-labelledby', `packshot-tab-${name}`)
    made[name] ??= await (await import(`./${name}.mjs`)).make(t)
    if (current !== name) return
    body.replaceChildren(made[name].element)
    if (visible) made[name].shown()
  }

  await choose(current)
  return {
    element: h('div', { class: 'ps-panel', lang: t('language') }, list, body),
    shown: () => {
      visible = true
      made[current]?.shown()
    },
    hidden: () => {
      visible = false
      made[current]?.hidden()
    },
    changed: () => made[current]?.changed?.()
  }
}
