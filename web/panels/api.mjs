// The API panel: the workflow on the canvas as a program sees it. The host reads it with the code of `packshot workflow`.
import { app } from '/scripts/app.js'
import { workflow } from '../lib/canvas.mjs'
import { h } from '../lib/dom.mjs'
import { post } from '../lib/host.mjs'
import { makeApp } from './make_app.mjs'
import { saveRelease } from './release.mjs'

const SETTLED = 700 // milliseconds without a change

/** @param {(name: string, values?: Record<string, string | number>) => string} t */
export function make(t) {
  const content = h('div', { class: 'ps-stack', 'aria-live': 'polite' })
  const note = h('p', { class: 'ps-note', role: 'status' })
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let waiting
  let alive = false
  let asked = 0

  /** Look once the canvas has been left alone for a moment. */
  function later() {
    clearTimeout(waiting)
    waiting = setTimeout(look, SETTLED)
  }

  async function look() {
    const mine = ++asked
    try {
      const found = await post('workflow/contract', { workflow: workflow() })
      if (alive && mine === asked) show(found)
      note.textContent = ''
    } catch (error) {
      if (mine === asked) note.textContent = error instanceof Error ? error.message : String(error)
    }
  }

  /** @param {any} found */
  function show(found) {
    const named = found.name ? `${found.name}${found.version ? `@${found.version}` : ''}` : t('unnamed')
    content.replaceChildren(
      h('section', {}, h('h3', {}, named), found.summary && h('p', {}, found.summary), versionLine(found)),
      h('section', {}, h('h3', {}, t('inputs')), inputs(found)),
      h('section', {}, h('h3', {}, t('outputs')), h('ul', { class: 'ps-list' }, ...found.outputs.map((/** @type {any} */ each) => h('li', {}, h('code', {}, each.name))))),
      h('section', {}, h('h3', {}, t('problems')), problems(found.problems)),
      ...snippets(found.snippets)
    )
  }

  /** What the next release would be called, and why. @param {any} found */
  function versionLine(found) {
    const since = found.changes
    if (!since) return h('p', { class: 'ps-soft' }, t('never_released'))
    if (since.level === 'none') return h('p', { class: 'ps-soft' }, t('unchanged', { version: since.since }))
    return h(
      'details',
      {},
      h('summary', {}, t('would_be', { since: since.since, next: since.next, level: since.level })),
      h('ul', { class: 'ps-list' }, ...since.changes.map((/** @type {any} */ change) => h('li', {}, `${change.what}: ${change.where}`)))
    )
  }

  /** @param {any} found */
  function inputs(found) {
    if (!found.inputs.length) return h('p', { class: 'ps-soft' }, found.names.length ? found.names.join(', ') : t('no_inputs'))
    return h(
      'table',
      { class: 'ps-table' },
      h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, t('name')), h('th', { scope: 'col' }, t('type')), h('th', { scope: 'col' }, t('default')))),
      h(
        'tbody',
        {},
        ...found.inputs.map((/** @type {any} */ input) =>
          h(
            'tr',
            { title: input.help || undefined },
            h('th', { scope: 'row' }, h('button', { type: 'button', class: 'ps-link', onclick: () => goTo(input.node) }, input.name)),
            h('td', {}, input.type.toLowerCase(), range(input)),
            h('td', {}, short(input.default))
          )
        )
      )
    )
  }

  /** @param {any} input */
  const range = (input) =>
    input.choices !== null ? ` (${input.choices})` : input.min !== null && input.max !== null ? ` ${input.min}–${input.max}` : ''

  /** @param {any[]} list */
  function problems(list) {
    if (!list.length) return h('p', { class: 'ps-good' }, t('no_problems'))
    return h(
      'ul',
      { class: 'ps-list' },
      ...list.map((each) =>
        h(
          'li',
          {},
          h('div', { class: 'ps-row' }, h('span', { class: 'ps-badge' }, each.slug), each.node && h('button', { type: 'button', class: 'ps-link', onclick: () => goTo(each.node) }, `${each.title} (${each.node})`)),
          h('p', { class: 'ps-bad' }, [each.input, each.message].filter(Boolean).join(': ')),
          each.remedy && h('p', { class: 'ps-soft' }, each.remedy)
        )
      )
    )
  }

  /** @param {Record<string, string>} texts */
  function snippets(texts) {
    return Object.entries(texts).map(([kind, text]) =>
      h(
        'section',
        {},
        h('div', { class: 'ps-row' }, h('h3', {}, t(`snippet_${kind}`)), h('button', { type: 'button', class: 'ps-button', 'aria-label': `${t('copy')}: ${t(`snippet_${kind}`)}`, onclick: () => copy(text) }, t('copy'))),
        h('pre', { class: 'ps-code', tabindex: 0, 'data-snippet': kind }, text)
      )
    )
  }

  /** @param {string} text */
  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text)
      note.textContent = t('copied')
    } catch {
      note.textContent = t('not_copied') // a page without TLS may not, and a person can still select the text
    }
  }

  /** @param {() => Promise<unknown>} action */
  const then = (action) => async () => {
    try {
      await action()
      await look()
    } catch (error) {
      note.textContent = error instanceof Error ? error.message : String(error)
    }
  }

  return {
    element: h(
      'div',
      { class: 'ps-stack', 'data-panel': 'api' },
      h(
        'div',
        { class: 'ps-row' },
        h('button', { type: 'button', class: 'ps-button', onclick: () => look() }, t('check_again')),
        h('button', { type: 'button', class: 'ps-button', onclick: then(makeApp) }, t('make_app')),
        h('button', { type: 'button', class: 'ps-button', onclick: then(saveRelease) }, t('save_release'))
      ),
      note,
      content
    ),
    shown: () => {
      if (!alive) app.api.addEventListener('graphChanged', later)
      alive = true
      void look()
    },
    changed: () => {
      if (alive) later()
    },
    hidden: () => {
      alive = false
      clearTimeout(waiting)
      app.api.removeEventListener('graphChanged', later)
    }
  }
}

/** Show a node in the middle of the canvas. @param {string} id */
function goTo(id) {
  const node = app.rootGraph.getNodeById(/** @type {any} */ (id.split(':')[0]))
  if (!node) return
  app.canvas.centerOnNode(node)
  app.canvas.selectNodes([node])
}

/** @param {unknown} value */
function short(value) {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > 48 ? `${text.slice(0, 47)}…` : text
}
