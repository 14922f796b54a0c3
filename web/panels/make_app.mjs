// "Make this an App": the host proposes inputs from the contract or from the widgets; a person chooses; the file gets both
// an App Mode and a contract that name the same widgets in the same order.
import { app } from '/scripts/app.js'
import { openName, show, workflow } from '../lib/canvas.mjs'
import { NAME, asName, ask, line } from '../lib/dialog.mjs'
import { h } from '../lib/dom.mjs'
import { post, texts } from '../lib/host.mjs'

const COMMON = new Set(['app', 'picture', 'text', 'size', 'seed']) // chosen to begin with

export async function makeApp() {
  const t = await texts()
  const data = workflow()
  const proposed = await post('workflow/app', { workflow: data })
  if (!proposed.inputs.length) throw new Error(t('nothing_to_propose'))
  const block = data.extra?.packshot ?? {}
  const [nameField, name] = line(t('name'), String(block.name ?? asName(openName())), { pattern: NAME, required: true, maxlength: 64, title: t('name_help') })
  const [summaryField, summary] = line(t('summary'), String(block.summary ?? ''), { maxlength: 500 })
  const known = proposed.inputs.some((/** @type {any} */ each) => each.kind === 'app')
  const boxes = proposed.inputs.map((/** @type {any} */ each) => {
    const box = /** @type {HTMLInputElement} */ (h('input', { type: 'checkbox', value: each.name }))
    box.checked = known ? each.kind === 'app' : COMMON.has(each.kind)
    return { box, row: h('label', { class: 'ps-choice' }, box, h('code', {}, each.name), h('span', { class: 'ps-soft' }, `${each.title} · ${each.widget}`)) }
  })
  const fields = [
    nameField,
    summaryField,
    h('fieldset', {}, h('legend', {}, t('choose_inputs')), ...boxes.map((/** @type {any} */ each) => each.row))
  ]
  return ask(t('make_app'), fields, { go: t('make_app_go'), cancel: t('cancel') }, async () => {
    const inputs = boxes.filter((/** @type {any} */ each) => each.box.checked).map((/** @type {any} */ each) => each.box.value)
    if (!inputs.length) throw new Error(t('choose_one'))
    const made = await post('workflow/app', { workflow: data, name: name.value, summary: summary.value, inputs })
    await show(made.workflow)
    const open = /** @type {any} */ (app.extensionManager.workflow.activeWorkflow)
    if (open?.activeMode !== 'app') await app.extensionManager.command.execute('Comfy.ToggleLinear')
    return made
  })
}
