// "Save release": the host writes the workflow into the user's folder of workflows with its contract and next version, and
// freezes a copy of it, as `packshot workflow bump` does.
import { app } from '/scripts/app.js'
import { openName, show, workflow } from '../lib/canvas.mjs'
import { NAME, asName, ask, line } from '../lib/dialog.mjs'
import { h } from '../lib/dom.mjs'
import { post, texts } from '../lib/host.mjs'

export async function saveRelease() {
  const t = await texts()
  const data = workflow()
  const block = data.extra?.packshot ?? {}
  const [nameField, name] = line(t('name'), String(block.name ?? asName(openName())), { pattern: NAME, required: true, maxlength: 64, title: t('name_help') })
  const [summaryField, summary] = line(t('summary'), String(block.summary ?? ''), { maxlength: 500 })
  const fields = [h('p', { class: 'ps-soft' }, t('release_help')), nameField, summaryField]
  const made = await ask(t('save_release'), fields, { go: t('save_release_go'), cancel: t('cancel') }, () =>
    post('workflow/release', { workflow: data, name: name.value, summary: summary.value })
  )
  if (!made) return undefined
  await show(made.workflow)
  await app.extensionManager.workflow.syncWorkflows()
  const detail = t(made.before ? 'released_from' : 'released', { name: made.name, version: made.version, before: made.before, level: made.level })
  app.extensionManager.toast.add({ severity: 'success', summary: 'Packshot', detail, life: 6000 })
  return made
}
