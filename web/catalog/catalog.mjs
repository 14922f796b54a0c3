// The catalogue page: runs on this machine, the pictures of one, and what people say of them. Everything works from the
// keyboard; while a run goes on, and the page is seen, it looks for news.
import { h } from '../lib/dom.mjs'
import { address, get, texts } from '../lib/host.mjs'
import { makeViewer } from './viewer.mjs'
import { picture } from './picture.mjs'

const EVERY = 3000 // milliseconds between looks at a run that goes on
const PAGE = 60 // pictures that are shown to begin with, and with each "more"

const t = await texts()
document.documentElement.lang = t('language')
const head = /** @type {HTMLElement} */ (document.getElementById('head'))
const main = /** @type {HTMLElement} */ (document.getElementById('main'))
const note = /** @type {HTMLElement} */ (document.getElementById('note'))

/** @param {unknown} said */
function tell(said) {
  note.textContent = said instanceof Error ? said.message : String(said)
  setTimeout(() => (note.textContent = ''), 4000)
}

async function showRuns() {
  document.title = `Packshot · ${t('catalogues')}`
  head.replaceChildren(h('h1', {}, t('catalogues')))
  const { runs } = await get('runs')
  const list = runs.map((/** @type {any} */ run) =>
    h(
      'li',
      {},
      h('h2', {}, run.error ? run.title : h('a', { href: `?run=${run.id}` }, run.title)),
      h('p', { class: run.error ? 'bad' : 'soft' }, run.error ?? `${run.workflow} · ${run.folder} · ${counted(run.counts)}`)
    )
  )
  main.replaceChildren(runs.length ? h('ul', { class: 'runs' }, ...list) : h('p', { class: 'soft' }, t('no_runs')))
}

/** @param {Record<string, number>} counts */
const counted = (counts) =>
  Object.entries(counts)
    .filter(([, count]) => count)
    .map(([state, count]) => `${count} ${t(state)}`)
    .join(', ')

/** @param {string} run */
async function showRun(run) {
  const title = h('h1')
  const facts = h('p', { class: 'soft' })
  const report = h('a', { href: address(`runs/${encodeURIComponent(run)}/files/index.html`), hidden: true }, t('report'))
  head.replaceChildren(h('p', {}, h('a', { href: '?' }, t('catalogues'))), title, facts, report)

  const words = /** @type {HTMLInputElement} */ (h('input', { type: 'search', 'aria-label': t('filter'), placeholder: t('filter'), autocomplete: 'off' }))
  const state = choice(t('state'), ['', 'pending', 'running', 'done', 'failed', 'quarantined'])
  const verdict = choice(t('verdict'), ['', 'open', 'approved', 'rejected'])
  const shown = h('p', { role: 'status', class: 'soft' })
  const grid = h('ul', { class: 'grid' })
  const more = h('button', { type: 'button', hidden: true, onclick: () => ((limit += PAGE), look()) }, t('more'))
  main.replaceChildren(h('div', { class: 'bar', role: 'search' }, words, state.field, verdict.field), shown, grid, more, h('p', { class: 'soft' }, t('keys')))

  let limit = PAGE
  let asked = 0
  let seen = ''
  /** @type {any[]} */
  let items = []
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  const viewer = makeViewer(t, run, tell, () => look())
  document.body.append(viewer.element)

  async function look() {
    clearTimeout(timer)
    const mine = ++asked
    try {
      const query = new URLSearchParams({ words: words.value, state: state.select.value, verdict: verdict.select.value, limit: String(limit) })
      const found = document.hidden ? null : await get(`runs/${run}/items?${query}`)
      if (mine !== asked) return
      if (found && JSON.stringify(found) !== seen) {
        seen = JSON.stringify(found)
        show(found)
      }
      if (!found || found.counts.running + found.counts.pending) timer = setTimeout(look, EVERY)
    } catch (error) {
      tell(error)
      timer = setTimeout(look, EVERY * 3)
    }
  }

  /** @param {any} found */
  function show(found) {
    document.title = `Packshot · ${found.title}`
    title.textContent = found.title
    facts.textContent = `${found.workflow} · ${found.folder} · ${counted(found.counts)}`
    report.hidden = !found.report
    items = found.items
    shown.textContent = items.length ? t('shown', { shown: items.length, total: found.total }) : t('nothing_fits')
    more.hidden = items.length >= found.total
    const focused = [...grid.children].findIndex((each) => each.contains(document.activeElement))
    grid.replaceChildren(...items.map(card))
    if (focused >= 0) cardButton(Math.min(focused, items.length - 1))?.focus()
    viewer.update(items)
  }

  /** @param {any} item @param {number} index */
  function card(item, index) {
    const said = item.verdict.verdict
    return h(
      'li',
      { class: 'card' },
      h(
        'button',
        { type: 'button', 'aria-haspopup': 'dialog', onclick: () => viewer.open(items, index) },
        h('span', { class: 'stage' }, picture(run, item, t)),
        h(
          'span',
          { class: 'caption' },
          h('b', {}, item.title || item.id),
          h('span', { class: 'soft' }, [item.sku || item.id, item.variant].filter(Boolean).join(' · ')),
          h('span', { class: { done: 'soft', failed: 'bad', quarantined: 'warn' }[/** @type {'done'} */ (item.state)] ?? 'soft' }, t(item.state), said && h('b', { class: said === 'approved' ? 'good' : 'bad' }, ` · ${t(said)}`))
        )
      )
    )
  }

  /** @param {number} index @returns {HTMLElement | null | undefined} */
  const cardButton = (index) => grid.children[index]?.querySelector('button')

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing
  words.addEventListener('input', () => {
    clearTimeout(typing)
    typing = setTimeout(look, 200)
  })
  for (const select of [state.select, verdict.select]) select.addEventListener('change', () => look())
  document.addEventListener('visibilitychange', () => document.hidden || look())
  viewer.element.addEventListener('close', () => cardButton(viewer.index())?.focus())
  document.addEventListener('keydown', (event) => {
    if (viewer.element.open || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === '/' && document.activeElement !== words) {
      event.preventDefault()
      words.focus()
    } else if (event.key === 'Escape' && document.activeElement === words) {
      words.value = ''
      void look()
    }
  })
  // Arrow keys go from picture to picture, up and down by rows.
  grid.addEventListener('keydown', (event) => {
    const cards = [...grid.children]
    const at = cards.findIndex((each) => each.contains(document.activeElement))
    const across = cards.filter((each) => /** @type {HTMLElement} */ (each).offsetTop === /** @type {HTMLElement} */ (cards[0]).offsetTop).length
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across }[event.key]
    if (step === undefined || at < 0) return
    event.preventDefault()
    cardButton(at + step)?.focus()
  })
  await look()
}

/** @param {string} label @param {string[]} values */
function choice(label, values) {
  const select = /** @type {HTMLSelectElement} */ (h('select', {}, ...values.map((value) => h('option', { value }, value ? t(value) : t('all')))))
  return { field: h('label', {}, `${label} `, select), select }
}

const run = new URLSearchParams(location.search).get('run')
await (run ? showRun(run) : showRuns()).catch(tell)
