// The memory report of a run as a small chart: a bar for the peak of each phase, and in it what the model took.
import { h, size } from '../lib/dom.mjs'
import { texts } from '../lib/host.mjs'
import { executed, show } from './card.mjs'

/** @param {any} node */
export function attach(node) {
  executed(node, async (output) => show(node, 'memory', ...chart([output?.packshot_memory ?? []].flat(), await texts())))
}

/**
 * @param {{ phase: string, peak: number, resident?: number | null, weights?: number | null, steps?: string[] }[]} phases
 * @param {(name: string, values?: Record<string, string | number>) => string} t
 * @returns {HTMLElement[]}
 */
export function chart(phases, t) {
  const most = Math.max(1, ...phases.map((each) => each.peak))
  const share = (/** @type {number | null | undefined} */ bytes) => `${(Math.min(1, (bytes ?? 0) / most) * 100).toFixed(1)}%`
  return phases.map((each) => {
    const streamed = Math.max(0, (each.weights ?? 0) - (each.resident ?? each.weights ?? 0))
    const said = streamed ? t('peak_streamed', { peak: size(each.peak), streamed: size(streamed) }) : size(each.peak)
    return h(
      'div',
      { class: 'ps-phase' },
      h('div', { class: 'ps-row' }, h('b', {}, each.phase), h('span', {}, said)),
      h(
        'div',
        { class: 'ps-bar', role: 'meter', 'aria-label': each.phase, 'aria-valuemin': 0, 'aria-valuemax': most, 'aria-valuenow': each.peak, 'aria-valuetext': said },
        h('span', { class: 'ps-bar-fill', style: `width: ${share(each.peak)}` }),
        h('span', { class: 'ps-bar-inner', style: `width: ${share(each.resident)}` })
      ),
      ...(each.steps ?? []).map((step) => h('p', { class: 'ps-warn' }, step))
    )
  })
}
