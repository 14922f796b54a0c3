// The large view of a picture: its facts and attempts, the others of the same product beside it, and the verdict.
import { h } from '../lib/dom.mjs'
import { post } from '../lib/host.mjs'
import { picture } from './picture.mjs'

const JUDGE = 'packshot.judge' // where the browser keeps the name of whoever judges

/**
 * @param {(name: string, values?: Record<string, string | number>) => string} t
 * @param {string} run
 * @param {(said: unknown) => void} tell
 * @param {() => void} changed called after a verdict
 */
export function makeViewer(t, run, tell, changed) {
  /** @type {any[]} */
  let items = []
  let at = -1
  let comparing = false

  const plates = h('div', { class: 'plates', tabindex: 0, role: 'group', 'aria-label': t('same_product') })
  const title = h('h2', { id: 'viewer-title' })
  const sub = h('p', { class: 'soft' })
  const facts = h('div')
  const reason = /** @type {HTMLTextAreaElement} */ (h('textarea', { maxlength: 1000, id: 'reason' }))
  const judge = /** @type {HTMLInputElement} */ (h('input', { maxlength: 100, id: 'judge', autocomplete: 'name', value: localStorage[JUDGE] ?? localStorage['Comfy.userName'] ?? '' }))
  const said = h('p', { role: 'status' })
  const who = h('p', { class: 'soft' })
  const compare = h('button', { type: 'button', 'aria-pressed': 'false', onclick: () => ((comparing = !comparing), show()) }, t('compare'))
  const button = (/** @type {string} */ name, /** @type {() => void} */ act) => h('button', { type: 'button', onclick: act }, t(name))
  const judging = h(
    'section',
    { 'aria-label': t('verdict') },
    h('label', { for: 'reason' }, t('reason')),
    reason,
    h('div', { class: 'row' }, button('approve', () => say('approved')), button('reject', () => say('rejected')), button('take_back', () => say(''))),
    said,
    who,
    h('label', { for: 'judge' }, t('your_name')),
    judge
  )
  const element = /** @type {HTMLDialogElement} */ (
    h(
      'dialog',
      { 'aria-labelledby': 'viewer-title' },
      h(
        'div',
        { class: 'viewer' },
        plates,
        h(
          'div',
          { class: 'sheet' },
          h('div', { class: 'row' }, button('previous', () => step(-1)), button('next', () => step(1)), compare, button('close', () => element.close())),
          h('div', {}, title, sub),
          judging,
          facts
        )
      )
    )
  )

  element.addEventListener('keydown', (event) => {
    if (event.target === reason || event.target === judge || event.ctrlKey || event.metaKey || event.altKey) return
    const act = { ArrowLeft: () => step(-1), ArrowRight: () => step(1), a: () => say('approved'), r: () => say('rejected'), c: () => compare.click() }[event.key]
    if (!act) return
    event.preventDefault()
    act()
  })

  /** @param {number} by */
  function step(by) {
    at = (at + by + items.length) % items.length
    reason.value = items[at].verdict.reason ?? ''
    show()
  }

  /** @param {string} verdict */
  async function say(verdict) {
    const item = items[at]
    if (!item.file) return
    if (verdict === 'rejected' && !reason.value.trim()) {
      said.textContent = t('reason_needed')
      reason.focus()
      return
    }
    try {
      const words = verdict ? reason.value.trim() : ''
      localStorage[JUDGE] = judge.value
      const { by } = await post(`runs/${encodeURIComponent(run)}/verdict`, { item: item.id, sha256: item.sha256, verdict, reason: words, by: judge.value })
      item.verdict = verdict ? { verdict, reason: words, by } : {}
      if (!verdict) reason.value = ''
      show()
      changed()
    } catch (error) {
      tell(error)
    }
  }

  /**
   * The picture; to compare, also those of earlier attempts and of the same product's other items.
   * @returns {any[]}
   */
  function family() {
    const item = items[at]
    if (!comparing) return [item]
    const earlier = item.attempts.filter((/** @type {any} */ each) => each.file && each.file !== item.file)
    const others = items.filter((each) => each !== item && each.file && each.sku && each.sku === item.sku)
    return [item, ...earlier.map((/** @type {any} */ each) => ({ ...item, ...each, note: each.outcome, verdict: {} })), ...others]
  }

  function show() {
    const item = items[at]
    compare.setAttribute('aria-pressed', String(comparing))
    plates.replaceChildren(
      ...family().map((each) =>
        h('figure', {}, picture(run, each, t), h('figcaption', {}, [each.variant || each.id, each.note, each.verdict.verdict && t(each.verdict.verdict)].filter(Boolean).join(' · ')))
      )
    )
    title.textContent = item.title || item.id
    sub.textContent = [item.sku || item.id, item.variant, t(item.state)].filter(Boolean).join(' · ')
    judging.hidden = !item.file
    const verdict = item.verdict.verdict
    said.textContent = verdict ? [t(verdict), item.verdict.reason].filter(Boolean).join(': ') : t('open')
    const { by, at: judged } = item.verdict
    who.textContent = by ? [t('judged_by', { who: by }), judged && new Date(judged).toLocaleString(document.documentElement.lang)].filter(Boolean).join(', ') : ''
    said.className = verdict === 'approved' ? 'good' : verdict ? 'bad' : 'soft'
    facts.replaceChildren(...details(item))
  }

  /** @param {any} item */
  function* details(item) {
    if (item.error) yield h('p', { class: 'bad' }, [item.error.message, item.error.remedy].filter(Boolean).join(' · '))
    const rows = { ...item.inputs, [t('seed')]: item.seed }
    yield h('dl', { class: 'facts' }, ...Object.entries(rows).flatMap(([name, value]) => (value === null || value === '' ? [] : [h('dt', {}, name), h('dd', {}, String(value))])))
    if (item.attempts.length) {
      const line = (/** @type {any} */ each) => [each.outcome, each.seconds !== null && `${each.seconds.toFixed(1)} s`, each.host, each.reason].filter(Boolean).join(' · ')
      yield h('section', {}, h('h3', {}, t('attempts')), h('ol', {}, ...item.attempts.map((/** @type {any} */ each) => h('li', {}, line(each)))))
    }
  }

  return {
    element,
    index: () => at,
    /** @param {any[]} all @param {number} index */
    open: (all, index) => {
      items = all
      at = index
      reason.value = items[at].verdict.reason ?? ''
      show()
      element.showModal()
    },
    /** What is shown may have changed; where it no longer fits the filter, it stays until somebody goes on. @param {any[]} all */
    update: (all) => {
      if (!element.open) return
      const now = all.findIndex((each) => each.id === items[at].id)
      if (now < 0) return
      items = all
      at = now
      show()
    }
  }
}
