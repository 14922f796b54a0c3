// The Memory panel: what the devices hold. It asks the host every two seconds while it is seen, and never otherwise.
import { bar, h, size } from '../lib/dom.mjs'
import { get, post } from '../lib/host.mjs'
import { chart } from '../nodes/memory.mjs'

const EVERY = 2000 // milliseconds

/** @param {(name: string, values?: Record<string, string | number>) => string} t */
export function make(t) {
  const devices = h('div')
  const models = h('ul', { class: 'ps-list' })
  const facts = h('dl', { class: 'ps-facts' })
  const last = h('div')
  const note = h('p', { class: 'ps-note', role: 'status' })
  const unload = /** @type {HTMLButtonElement} */ (
    h('button', { type: 'button', class: 'ps-button', onclick: release }, t('unload'))
  )
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  let alive = false
  let seen = ''

  async function look() {
    clearTimeout(timer)
    try {
      const report = document.hidden ? null : await get('memory')
      // Most answers are like the one before, and then nothing is drawn.
      if (report && JSON.stringify(report) !== seen) {
        seen = JSON.stringify(report)
        show(report)
      }
      if (report && note.classList.contains('ps-bad')) say('')
    } catch (error) {
      say(error instanceof Error ? error.message : String(error), true)
    }
    if (alive) timer = setTimeout(look, EVERY)
  }

  /** @param {string} text @param {boolean} [bad] */
  function say(text, bad = false) {
    note.textContent = text
    note.classList.toggle('ps-bad', bad)
  }

  /** @param {any} report */
  function show(report) {
    devices.replaceChildren(
      ...report.devices.map((/** @type {any} */ device) => {
        const used = device.total - device.free
        const said = t('used_of', { used: size(used), total: size(device.total) })
        return h('section', {}, h('h3', {}, device.name), bar(device.name, used, device.total, said), h('p', {}, said))
      })
    )
    models.replaceChildren(
      ...report.models.map((/** @type {any} */ model) => {
        const said = t('resident_of', { resident: size(model.resident), total: size(model.total) })
        return h(
          'li',
          {},
          h('div', { class: 'ps-row' }, h('b', {}, model.name), h('span', {}, model.device)),
          bar(model.name, model.resident, model.total, said),
          h('p', {}, said)
        )
      })
    )
    if (!report.models.length) models.append(h('li', { class: 'ps-soft' }, t('no_models')))
    const policy = [report.policy.state.toLowerCase().replaceAll('_', ' '), report.policy.dynamic ? t('dynamic') : t('classic')]
    facts.replaceChildren(
      ...pair(t('policy'), policy.join(', ')),
      ...pair(t('streamed'), size(report.streamed)),
      ...pair(t('headroom'), size(report.headroom))
    )
    last.replaceChildren(...(report.last.length ? [h('h3', {}, t('last_run')), ...chart(report.last, t)] : []))
    unload.disabled = report.remaining > 0 || !report.models.length
    unload.title = report.remaining > 0 ? t('unload_busy') : ''
  }

  async function release() {
    try {
      const done = await post('unload', {})
      say(t('unloading', { models: done.unloading.join(', ') }))
    } catch (error) {
      say(error instanceof Error ? error.message : String(error), true)
    }
    await look()
  }

  return {
    element: h(
      'div',
      { class: 'ps-stack', 'data-panel': 'memory' },
      devices,
      h('section', {}, h('h3', {}, t('loaded_models')), models),
      facts,
      last,
      unload,
      note
    ),
    shown: () => {
      alive = true
      void look()
    },
    hidden: () => {
      alive = false
      clearTimeout(timer)
    }
  }
}

/** @param {string} name @param {string} value */
const pair = (name, value) => [h('dt', {}, name), h('dd', {}, value)]
