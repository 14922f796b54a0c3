// The Brand panel: what a kit allows, and whether pictures keep to it: those that nodes make, and those dropped here.
import { app } from '/scripts/app.js'
import { h, size } from '../lib/dom.mjs'
import { get, post, send } from '../lib/host.mjs'

const KEPT = 6 // pictures whose checks are shown
const LARGEST = 64 * 2 ** 20 // bytes, what the host reads

/** @param {(name: string, values?: Record<string, string | number>) => string} t */
export function make(t) {
  const kit = /** @type {HTMLSelectElement} */ (h('select', { 'aria-label': t('kit'), onchange: () => void choose() }))
  const channel = /** @type {HTMLSelectElement} */ (h('select', { 'aria-label': t('channel') }))
  const shownKit = h('div', { class: 'ps-stack' })
  const checks = h('ul', { class: 'ps-list', 'aria-live': 'polite' })
  const note = h('p', { class: 'ps-note', role: 'status' })
  const picker = /** @type {HTMLInputElement} */ (
    h('input', { type: 'file', accept: 'image/*', multiple: true, class: 'ps-hidden', tabindex: -1, 'aria-label': t('drop') })
  )
  const drop = h('button', { type: 'button', class: 'ps-drop', onclick: () => picker.click() }, t('drop'))
  let alive = false
  let begun = false

  picker.addEventListener('change', () => {
    checkFiles(picker.files)
    picker.value = ''
  })
  for (const kind of ['dragover', 'drop']) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault()
      event.stopPropagation() // the canvas would open the picture's workflow
      if (kind === 'drop') checkFiles(/** @type {DragEvent} */ (event).dataTransfer?.files)
    })
  }

  /** @param {unknown} error */
  const fail = (error) => {
    note.append(h('span', { class: 'ps-bad' }, error instanceof Error ? error.message : String(error)), ' ')
  }

  async function begin() {
    try {
      const known = await get('brands')
      kit.replaceChildren(...known.kits.map((/** @type {string} */ name) => h('option', { value: name }, name)))
      channel.replaceChildren(...known.channels.map((/** @type {string} */ name) => h('option', { value: name }, name)))
      channel.value = 'plain'
      const node = app.rootGraph.nodes.find((each) => each.type === 'PackshotBrand')
      const used = node?.widgets?.find((widget) => widget.name === 'kit')?.value
      if (known.kits.includes(used)) kit.value = String(used)
      await choose()
    } catch (error) {
      fail(error)
    }
  }

  async function choose() {
    try {
      note.replaceChildren()
      if (kit.value) showKit(await get(`brands/${encodeURIComponent(kit.value)}`))
    } catch (error) {
      shownKit.replaceChildren()
      fail(error)
    }
  }

  /** @param {any} brand */
  function showKit(brand) {
    const approved = brand.approved_by.length ? t('approved_by', { who: brand.approved_by.join(', ') }) : t('not_approved')
    const colours = brand.palette.map((/** @type {any} */ colour) =>
      h(
        'li',
        { class: 'ps-swatch' },
        h('span', { class: 'ps-colour', style: `background: ${colour.hex}`, 'aria-hidden': true }),
        h('b', {}, colour.name),
        h('span', {}, `${colour.hex} ${colour.role}`)
      )
    )
    const findings = brand.findings.map((/** @type {any} */ finding) =>
      h('li', { class: finding.level === 'error' ? 'ps-bad' : 'ps-warn' }, `${finding.place}: ${finding.message}`, finding.remedy && ` (${finding.remedy})`)
    )
    shownKit.replaceChildren(
      h('p', {}, h('b', {}, `${brand.name} ${brand.version}`.trim()), ` ${approved}`),
      h('ul', { class: 'ps-swatches', 'aria-label': t('palette') }, ...colours),
      h('section', {}, h('h3', {}, t('loras')), h('ul', { class: 'ps-list' }, ...brand.loras.map(lora), !brand.loras.length && h('li', { class: 'ps-soft' }, t('no_loras')))),
      ...(findings.length ? [h('section', {}, h('h3', {}, t('findings')), h('ul', { class: 'ps-list' }, ...findings))] : [])
    )
  }

  /** @param {any} each */
  function lora(each) {
    const state = each.refused.length ? each.refused.join('; ') : each.here ? t('ready') : t('file_missing')
    const approved = each.approved_by ? t('approved_by', { who: each.approved_by }) : t('not_approved')
    const until = each.expires ? `, ${t('until', { day: each.expires })}` : ''
    return h(
      'li',
      {},
      h('div', { class: 'ps-row' }, h('b', {}, each.name), h('span', { class: 'ps-badge' }, each.base), h('span', { class: 'ps-badge', title: each.licence_name }, each.licence)),
      h('p', {}, `${approved}${until}`),
      h('p', { class: each.refused.length || !each.here ? 'ps-warn' : 'ps-good' }, state)
    )
  }

  const path = () => `brands/${encodeURIComponent(kit.value)}/check?channel=${encodeURIComponent(channel.value || 'plain')}`

  /** What was wrong with one of several stays, whatever the others bring. @param {FileList | null | undefined} files */
  function checkFiles(files) {
    note.replaceChildren()
    for (const file of files ?? []) void checkFile(file)
  }

  /** @param {File} file */
  async function checkFile(file) {
    try {
      if (file.size > LARGEST) throw new Error(t('too_large', { name: file.name, most: size(LARGEST) }))
      if (!file.type.startsWith('image/')) throw new Error(t('no_picture', { name: file.name }))
      showCheck(await send(`${path()}&name=${encodeURIComponent(file.name.slice(0, 200))}`, file))
    } catch (error) {
      fail(error)
    }
  }

  /** Check what a node has made. @param {any} event */
  async function onExecuted(event) {
    const images = event.detail?.output?.images ?? []
    if (images.length) note.replaceChildren()
    try {
      for (const image of images) {
        if (alive && kit.value && image.type === 'output') {
          showCheck(await post(path(), { filename: image.filename, subfolder: image.subfolder, type: image.type }))
        }
      }
    } catch (error) {
      fail(error)
    }
  }

  /** @param {any} found */
  function showCheck(found) {
    const failed = found.checks.filter((/** @type {any} */ check) => !check.passed)
    const numbers = (/** @type {any} */ check) =>
      [check.value === null ? '' : typeof check.value === 'number' ? +check.value.toPrecision(4) : check.value, check.unit].join(' ').trim()
    checks.prepend(
      h(
        'li',
        {},
        h('div', { class: 'ps-row' }, h('b', {}, found.file), h('span', { class: found.passed ? 'ps-good' : 'ps-bad' }, found.passed ? t('passed') : t('failed'))),
        h('p', { class: 'ps-soft' }, t('checked_against', { brand: found.brand, channel: found.channel, count: found.checks.length })),
        ...failed.map((/** @type {any} */ check) => h('p', { class: 'ps-bad' }, `${check.id}: ${check.reason} (${numbers(check)})`)),
        h(
          'details',
          {},
          h('summary', {}, t('all_checks')),
          h('dl', { class: 'ps-facts' }, ...found.checks.flatMap((/** @type {any} */ check) => [h('dt', {}, check.id), h('dd', {}, numbers(check) || '-')]))
        )
      )
    )
    while (checks.children.length > KEPT) checks.lastChild?.remove()
  }

  return {
    element: h(
      'div',
      { class: 'ps-stack', 'data-panel': 'brand' },
      h('div', { class: 'ps-row' }, kit, channel),
      shownKit,
      h('section', {}, h('h3', {}, t('checks')), drop, picker, checks),
      note
    ),
    shown: () => {
      if (!alive) app.api.addEventListener('executed', onExecuted)
      alive = true
      if (!begun) void begin()
      begun = true
    },
    hidden: () => {
      alive = false
      app.api.removeEventListener('executed', onExecuted)
    }
  }
}
