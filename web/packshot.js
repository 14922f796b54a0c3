// Packshot on the canvas. The frontend loads every .js file below this folder when the page opens, and this is the only
// one: everything else is an .mjs module, which is fetched when it is first needed, by a route of ours.
import { app } from '/scripts/app.js'

const here = new URL('../../packshot/web/', import.meta.url)

/** @param {string} name @returns {Promise<any>} */
const load = (name) => import(new URL(name, here).href)

/** Languages that we speak and the frontend does not. */
const OURS_ALONE = /^de\b/i

/** The nodes that show something of their own, and the module that shows it. */
const SHOWS = {
  PackshotLoadModel: './nodes/badges.mjs',
  PackshotModelInfo: './nodes/badges.mjs',
  PackshotBrand: './nodes/swatches.mjs',
  PackshotBrandLoRA: './nodes/matched.mjs',
  PackshotLoRAStack: './nodes/matched.mjs',
  PackshotVAEDecodeTiled: './nodes/tiles.mjs',
  PackshotVAEEncodeTiled: './nodes/tiles.mjs',
  PackshotMemoryReport: './nodes/memory.mjs'
}

/** Say what went wrong where it can be seen. @param {unknown} error */
function tell(error) {
  const detail = error instanceof Error ? error.message : String(error)
  app.extensionManager.toast.add({ severity: 'error', summary: 'Packshot', detail, life: 8000 })
}

/** @param {string} module @param {string} name */
const run = (module, name) => async () => {
  try {
    await (await load(module))[name]()
  } catch (error) {
    tell(error)
  }
}

/**
 * The panel, which is the same element each time it is shown, so that what was typed into it stays.
 * @type {Promise<{ element: HTMLElement, shown(): void, hidden(): void, changed(): void }> | undefined}
 */
let panel

/** Whether a workflow is being opened: its nodes are there, and the frontend still names the one before. */
let opening = false

/**
 * Tell our nodes what becomes of the prompts of this page, and of which workflow each is: the host names the prompt alone,
 * and the frontend has no event for it. Wrapping a method of `api` is the way that its documentation gives.
 * @param {any} api
 */
function followPrompts(api) {
  /** @type {Map<string, any>} */
  const workflows = new Map()
  /** @type {Set<Promise<any>>} */
  const sending = new Set()
  const send = api.queuePrompt
  api.queuePrompt = async function (/** @type {any[]} */ ...values) {
    const workflow = app.extensionManager.workflow.activeWorkflow
    const answered = send.apply(this, values)
    sending.add(answered)
    try {
      const answer = await answered
      workflows.set(answer.prompt_id, workflow)
      tellRefusals(workflow, answer.node_errors)
      return answer
    } catch (error) {
      tellRefusals(workflow, /** @type {any} */ (error).response?.node_errors)
      throw error
    } finally {
      sending.delete(answered)
    }
  }
  const isShown = (/** @type {any} */ workflow) => !opening && workflow === app.extensionManager.workflow.activeWorkflow
  /** @param {any} workflow @param {any} errors */
  const tellRefusals = (workflow, errors) =>
    void load('./nodes/refusal.mjs').then((module) => module.onAnswer(workflow, isShown(workflow), errors ?? {}), tell)
  /** @param {string} event @param {string} module @param {string} name */
  const follow = (event, module, name) =>
    api.addEventListener(event, async (/** @type {CustomEvent} */ { detail }) => {
      await Promise.allSettled(sending) // a fast host says what became of a prompt before it has said the prompt's id
      const workflow = workflows.get(detail.prompt_id)
      if (workflow) load(module).then((loaded) => loaded[name](workflow, isShown(workflow), detail), tell)
    })
  follow('execution_error', './nodes/refusal.mjs', 'onExecutionError')
  follow('executed', './nodes/card.mjs', 'onExecuted')
  // A workflow that is opened, and one after an undo, has nodes anew.
  const store = /** @type {any} */ (app.extensionManager.workflow)
  store.$onAction?.((/** @type {any} */ action) => {
    if (action.name !== 'openWorkflow') return
    action.after(() => requestAnimationFrame(() => {
      opening = false
      if (!workflows.size) return // nothing has run on this page
      load('./nodes/refusal.mjs').then((module) => module.draw(), tell)
      load('./nodes/card.mjs').then((module) => module.draw(), tell)
    }))
  })
}

app.registerExtension({
  name: 'Packshot',
  commands: [
    {
      id: 'Packshot.MakeApp',
      label: 'Make this an App',
      icon: 'pi pi-mobile',
      function: run('./panels/make_app.mjs', 'makeApp')
    },
    {
      id: 'Packshot.SaveRelease',
      label: 'Save a release of this workflow',
      icon: 'pi pi-tag',
      function: run('./panels/release.mjs', 'saveRelease')
    },
    {
      id: 'Packshot.OpenCatalogues',
      label: 'Open the catalogue runs',
      icon: 'pi pi-images',
      function: () => void window.open(new URL('./catalog/index.html', here).href, '_blank', 'noopener')
    }
  ],
  menuCommands: [
    { path: ['Packshot'], commands: ['Packshot.MakeApp', 'Packshot.SaveRelease', 'Packshot.OpenCatalogues'] }
  ],
  settings: [
    {
      id: /** @type {any} */ ('Packshot.NodeBadges'), // the published types list core's own settings alone
      category: ['Packshot', 'Nodes', 'NodeBadges'],
      name: 'Show licence and size on loaders',
      type: 'boolean',
      defaultValue: true
    }
  ],
  setup() {
    app.extensionManager.registerSidebarTab({
      id: 'packshot',
      icon: 'pi pi-box',
      title: 'Packshot',
      tooltip: 'Packshot',
      type: 'custom',
      render: (element) => {
        panel ??= load('./panels/panel.mjs').then((module) => module.makePanel())
        panel.then((made) => {
          element.replaceChildren(made.element)
          made.shown()
        }, tell)
      },
      destroy: () => void panel?.then((made) => made.hidden())
    })
    followPrompts(/** @type {any} */ (app.api))
  },
  async addCustomNodeDefs(definitions) {
    if (OURS_ALONE.test(navigator.language)) await (await load('./lib/names.mjs')).translate(definitions)
  },
  beforeConfigureGraph: () => void (opening = true),
  afterConfigureGraph: () => void panel?.then((made) => made.changed()),
  nodeCreated(node) {
    const name = /** @type {any} */ (node).comfyClass ?? ''
    if (!name.startsWith('Packshot')) return
    load('./nodes/card.mjs').then((loaded) => loaded.keepHeight(node), tell)
    const module = SHOWS[/** @type {keyof typeof SHOWS} */ (name)]
    if (module) load(module).then((loaded) => loaded.attach(node), tell)
  }
})
